#!lua flags=allow-oom
-- Drops an idempotency key by hand while it names `only`; with '' it only looks. A key whose entry is still buffered
-- can't be dropped: the row that the entry becomes would have it again.
-- Outcomes: bound id age_ms (only looked, or it names another) | busy id | cleared id | not_found.
local entry = KEYS[1]
local binding = KEYS[2]
local now = tonumber(ARGV[1])
local place = ARGV[2]
local bound_as = ARGV[3]
local only = ARGV[4]

local key = binding .. place .. ':' .. bound_as
local id, at = string.match(redis.call('GET', key) or '', '^(%S+) %S+ (%d+)$')
if not id then return {'not_found'} end
if redis.call('EXISTS', entry .. id) == 1 then return {'busy', id} end
if id ~= only then
  if now == 0 then
    local clock = redis.call('TIME')
    now = clock[1] * 1000000 + clock[2]
  end
  return {'bound', id, math.floor((now - at) / 1000)}
end
redis.call('DEL', key)
return {'cleared', id}
