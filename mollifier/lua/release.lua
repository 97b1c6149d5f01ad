#!lua flags=allow-oom
-- Drops an idempotency binding that still names this id. Outcome: 1 released, 0 not ours.
local binding = KEYS[1]
local place = ARGV[1]
local bound_as = ARGV[2]
local id = ARGV[3]

local key = binding .. place .. ':' .. bound_as
local value = redis.call('GET', key)
if not value or string.match(value, '^%S+') ~= id then return 0 end
redis.call('DEL', key)
return 1
