#!lua flags=allow-oom
-- Changes an entry that is still buffered, in any state; what changes stands beside it, under the next version.
-- Operation `cancel` marks it, once; one that waits for a retry or is a dead letter becomes due at once.
-- Outcomes: applied | cancelled (it was already) | not_found (gone, or another place's).
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
local text = ARGV[4]

if string.match(redis.call('GETRANGE', entry .. id, 0, 255), '^1 %S+ %d+ (%S+) ') ~= place then return 'not_found' end
if redis.call('HEXISTS', side .. id, 'c') == 1 then return 'cancelled' end
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
redis.call('HSET', side .. id, 'c', text)
redis.call('HINCRBY', side .. id, 'v', 1)
redis.call('HINCRBY', side .. id, 'p', #text)
redis.call('HINCRBY', env .. place, 'b', #text)
redis.call('HINCRBY', org .. string.match(place, '^[^/]+'), 'b', #text)
redis.call('HINCRBY', totals, 'b', #text)
if redis.call('ZREM', failed, id) == 1 or redis.call('ZSCORE', delayed, id) then
  redis.call('ZADD', delayed, now, id)
end
return 'applied'
