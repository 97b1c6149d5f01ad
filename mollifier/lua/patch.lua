#!lua flags=allow-oom
-- Changes an entry that is still buffered, in any state; what changes stands beside it, under the next version.
--   cancel   text is the reason, for good; one that waits for a retry or is a dead letter becomes due at once
--   set      text is all that was ever changed, opaque here; only while the version is still `seen`
-- Outcomes: applied version | cancelled (it was already) | stale (another change came first) | full level (a cap of
-- bytes; nothing is changed) | not_found (gone, or another place's).
local totals = KEYS[1]
local entry = KEYS[2]
local side = KEYS[3]
local env = KEYS[4]
local org = KEYS[5]
local delayed = KEYS[6]
local failed = KEYS[7]
local now = tonumber(ARGV[1])
local id = ARGV[2]
local place = ARGV[3]
local kind = ARGV[4]
local text = ARGV[5]
local seen = tonumber(ARGV[6])
local cap_env_bytes = tonumber(ARGV[7])
local cap_org_bytes = tonumber(ARGV[8])
local cap_total_bytes = tonumber(ARGV[9])

local its = string.match(redis.call('GETRANGE', entry .. id, 0, 255), '^1 %S+ %d+ (%S+) ')
if its ~= place then return {'not_found'} end
local key, owner = side .. id, org .. string.match(place, '^[^/]+')
local known = redis.call('HMGET', key, 'c', 'd', 'v')
if known[1] then return {'cancelled'} end

-- What it adds to the bytes; a cancellation is short, and no cap may hold it up.
local field, more = 'c', #text
if kind == 'set' then
  if tonumber(known[3] or 0) ~= seen then return {'stale'} end
  field, more = 'd', #text - #(known[2] or '')
  local function over(where, cap)
    return more > 0 and cap > 0 and tonumber(redis.call('HGET', where, 'b') or 0) + more > cap
  end
  if over(env .. place, cap_env_bytes) then return {'full', 'env'} end
  if over(owner, cap_org_bytes) then return {'full', 'org'} end
  if over(totals, cap_total_bytes) then return {'full', 'total'} end
end
redis.call('HSET', key, field, text)
redis.call('HINCRBY', key, 'p', more)
redis.call('HINCRBY', env .. place, 'b', more)
redis.call('HINCRBY', owner, 'b', more)
redis.call('HINCRBY', totals, 'b', more)
if kind == 'cancel' and (redis.call('ZREM', failed, id) == 1 or redis.call('ZSCORE', delayed, id)) then
  if now == 0 then
    local clock = redis.call('TIME')
    now = clock[1] * 1000000 + clock[2]
  end
  redis.call('ZADD', delayed, now, id)
end
return {'applied', redis.call('HINCRBY', key, 'v', 1)}
