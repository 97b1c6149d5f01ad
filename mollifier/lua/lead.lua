#!lua flags=allow-oom
-- Takes or renews the lead over this partition's drainers, for one token. Leases that drainers before it left behind
-- end at once: their tokens begin with the holder's and a dot. Outcome: leads (1 or 0), how many entries wait for a
-- drainer, mirrored ones too, and microseconds until the next is due or lapses, and until the next mirrored one is due
-- (-1: none).
local totals = KEYS[1]
local delayed = KEYS[2]
local failed = KEYS[3]
local leases = KEYS[4]
local mirrored = KEYS[5]
local drainer = KEYS[6]
local pending = KEYS[7]
local now = tonumber(ARGV[1])
local token = ARGV[2]
local lead_ms = ARGV[3]

local LEASES = 1000
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local leader = redis.call('GET', drainer)
local leads = not leader or leader == token
if leads then
  redis.call('SET', drainer, token, 'PX', lead_ms)
  redis.call('HSET', totals, 'beat', string.format('%.0f', now))
end
if not leader then
  redis.call('DEL', pending)
  for _, lease in ipairs(redis.call('ZRANGE', leases, 0, LEASES - 1)) do
    local holder = string.match(lease, '^(.+)%.')
    if holder and holder ~= token then redis.call('ZADD', leases, now, lease) end
  end
end
local function first_in(...)
  local first_at
  for _, key in ipairs({...}) do
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
    if first then first_at = math.min(first_at or math.huge, tonumber(first)) end
  end
  return first_at and math.max(0, first_at - now) or -1
end
local waiting = tonumber(redis.call('HGET', totals, 'n') or 0) - redis.call('ZCARD', failed)
return {leads and 1 or 0, waiting + redis.call('ZCARD', mirrored), first_in(delayed, leases), first_in(mirrored)}
