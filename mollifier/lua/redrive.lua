#!lua flags=allow-oom
-- Makes a dead letter due at once, with its attempts forgotten; promote puts it back at its old place.
-- Outcome: redriven | not_failed (it is in another state) | not_found (gone, or another place's).
local entry = KEYS[1]
local side = KEYS[2]
local delayed = KEYS[3]
local failed = KEYS[4]
local now = tonumber(ARGV[1])
local id = ARGV[2]
local place = ARGV[3]

local text = redis.call('GETRANGE', entry .. id, 0, 255)
if string.match(text, '^%d+ %S+ %d+ (%S+) ') ~= place then return 'not_found' end
if redis.call('ZREM', failed, id) == 0 then return 'not_failed' end
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
redis.call('HDEL', side .. id, 'a', 'k', 'f')
redis.call('ZADD', delayed, now, id)
return 'redriven'
