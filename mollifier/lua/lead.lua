#!lua flags=allow-oom
-- Takes or renews the lead over this partition's drainers, for one token. Leases that drainers before it left behind
-- end at once: their tokens begin with the holder's and a dot. Outcome: leads (1 or 0), how many entries
-- wait for a drainer, and microseconds until the next is due or lapses (-1: none).
local totals = KEYS[1]
local delayed = KEYS[2]
local failed = KEYS[3]
local leases = KEYS[4]
local drainer = KEYS[5]
local pending = KEYS[6]
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
if leads then redis.call('SET', drainer, token, 'PX', lead_ms) end
if not leader then
  redis.call('DEL', pending)
  for _, lease in ipairs(redis.call('ZRANGE', leases, 0, LEASES - 1)) do
    local holder = string.match(lease, '^(.+)%.')
    if holder and holder ~= token then redis.call('ZADD', leases, now, lease) end
  end
end
local next_at
for _, key in ipairs({delayed, leases}) do
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
  if first then next_at = math.min(next_at or math.huge, tonumber(first)) end
end
local waiting = tonumber(redis.call('HGET', totals, 'n') or 0) - redis.call('ZCARD', failed)
return {leads and 1 or 0, waiting, next_at and math.max(0, next_at - now) or -1}
