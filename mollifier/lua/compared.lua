#!lua flags=allow-oom
-- Drops mirrored entries that were compared and counts what came of it. The tail holds pairs of id and word: equal,
-- differs, missing or unreadable. Outcome: how many were still there; a repeat counts nothing twice.
local totals = KEYS[1]
local mirror = KEYS[2]
local mirrored = KEYS[3]
local counters = KEYS[4]

local dropped, bytes = 0, 0
for at = 1, #ARGV, 2 do
  local key = mirror .. ARGV[at]
  if redis.call('ZREM', mirrored, ARGV[at]) == 1 then
    dropped = dropped + 1
    bytes = bytes + (tonumber(string.match(redis.call('GETRANGE', key, 0, 47), '^%d+ %S+ (%d+) ') or 0))
    redis.call('DEL', key)
    redis.call('HINCRBY', counters, 'mirrored:' .. ARGV[at + 1], 1)
  end
end
if dropped > 0 then
  redis.call('HINCRBY', totals, 'mirrored', -dropped)
  redis.call('HINCRBY', totals, 'mirrored_bytes', -bytes)
end
return dropped
