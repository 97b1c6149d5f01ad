#!lua flags=allow-oom
-- Removes a dead letter and all it counted for; its idempotency key is free again.
-- Outcome: discarded | not_failed (it is in another state) | not_found (gone, or another place's).
local totals = KEYS[1]
local entry = KEYS[2]
local side = KEYS[3]
local held = KEYS[4]
local env = KEYS[5]
local org = KEYS[6]
local failed = KEYS[7]
local binding = KEYS[8]
local counters = KEYS[9]
local id = ARGV[1]
local place = ARGV[2]

local text = redis.call('GETRANGE', entry .. id, 0, 255)
local bound_as, group, size, its = string.match(text, '^%d+ ([^/ ]+)/?(%S*) (%d+) (%S+) ')
if its ~= place then return 'not_found' end
if redis.call('ZREM', failed, id) == 0 then return 'not_failed' end
local bytes = size + (redis.call('HGET', side .. id, 'p') or 0)
local owner = org .. string.match(place, '^[^/]+')
redis.call('ZREM', held .. place, id)
redis.call('HINCRBY', env .. place, 'h', -1)
if group ~= '' and redis.call('HINCRBY', env .. place, 'g:' .. group, -1) == 0 then
  redis.call('HDEL', env .. place, 'g:' .. group)
end
for _, key in ipairs({env .. place, owner}) do
  if redis.call('HINCRBY', key, 'n', -1) == 0 then redis.call('DEL', key) else redis.call('HINCRBY', key, 'b', -bytes) end
end
redis.call('HINCRBY', totals, 'n', -1)
redis.call('HINCRBY', totals, 'b', -bytes)
redis.call('HINCRBY', counters, 'drain:discarded', 1)
local key = binding .. place .. ':' .. bound_as
local value = redis.call('GET', key)
if value and string.match(value, '^%S+') == id then redis.call('DEL', key) end
redis.call('DEL', entry .. id, side .. id)
return 'discarded'
