#!lua flags=allow-oom
-- Removes entries of one place and all they counted for, in any state but leased. The tail holds pairs: an id, and the
-- changes its reader saw. With `freed` their idempotency keys are free again, else they stay bound as those of rows do.
-- Outcomes, in the tail's order: removed | leased | changed (since it was read) | not_found (gone, or another place's).
local totals = KEYS[1]
local entry = KEYS[2]
local side = KEYS[3]
local queue = KEYS[4]
local held = KEYS[5]
local env = KEYS[6]
local org = KEYS[7]
local ready_orgs = KEYS[8]
local ready_envs = KEYS[9]
local spent_orgs = KEYS[10]
local spent_envs = KEYS[11]
local parked = KEYS[12]
local depth = KEYS[13]
local heads = KEYS[14]
local alone = KEYS[15]
local delayed = KEYS[16]
local failed = KEYS[17]
local binding = KEYS[18]
local counters = KEYS[19]
local place = ARGV[1]
local freed = ARGV[2] == '1'
local binding_ttl_ms = ARGV[3]

local FREED = 0
local owner, name = string.match(place, '^([^/]+)/(.+)$')
local n, bytes, queued, aside, groups = 0, 0, 0, 0, {}
local function remove(id, seen)
  local text = redis.call('GETRANGE', entry .. id, 0, 255)
  local bound_as, group, size, its = string.match(text, '^%d+ ([^/ ]+)/?(%S*) (%d+) (%S+) ')
  if its ~= place then return 'not_found' end
  local known = redis.call('HMGET', side .. id, 'v', 'p')
  if tonumber(known[1] or 0) ~= tonumber(seen) then return 'changed' end
  if redis.call('ZREM', queue .. place, id) == 1 then queued = queued + 1
  elseif redis.call('ZREM', delayed, id) + redis.call('ZREM', failed, id) > 0 then aside = aside + 1
  elseif redis.call('ZREM', alone, id) == 0 then return 'leased' end
  redis.call('ZREM', held .. place, id)
  n, bytes = n + 1, bytes + size + (known[2] or 0)
  if group ~= '' then groups[group] = (groups[group] or 0) + 1 end
  local key = binding .. place .. ':' .. bound_as
  local value = redis.call('GET', key)
  if value and string.match(value, '^%S+') == id then
    if freed then redis.call('DEL', key) else redis.call('PEXPIRE', key, binding_ttl_ms) end
  end
  redis.call('DEL', entry .. id, side .. id)
  return 'removed'
end
local answer = {}
for i = 4, #ARGV, 2 do answer[#answer + 1] = remove(ARGV[i], ARGV[i + 1]) end
if n == 0 then return answer end
for group, count in pairs(groups) do
  if redis.call('HINCRBY', env .. place, 'g:' .. group, -count) == 0 then redis.call('HDEL', env .. place, 'g:' .. group) end
end
local left = redis.call('HINCRBY', env .. place, 'q', -queued)
redis.call('HINCRBY', env .. place, 'h', -aside)
for _, key in ipairs({env .. place, org .. owner}) do
  if redis.call('HINCRBY', key, 'n', -n) == 0 then redis.call('DEL', key) else redis.call('HINCRBY', key, 'b', -bytes) end
end
for field, count in pairs({n = n, b = bytes, q = queued}) do redis.call('HINCRBY', totals, field, -count) end
redis.call('HINCRBY', counters, 'drain:removed', n)
-- What waited to be claimed alone counts as in flight: who is parked at its cap has room again.
redis.call('ZADD', parked, 'XX', 'LT', FREED, place)
if queued == 0 then return answer end

-- Who has no work left leaves the ready sets with its tag, as after a claim.
local function leave(ready, spent, member)
  local tag = redis.call('ZSCORE', ready, member)
  if tag then redis.call('ZREM', ready, member) end
  if redis.call('EXISTS', ready) == 0 then redis.call('DEL', spent) elseif tag then redis.call('ZADD', spent, tag, member) end
end
local head = redis.call('ZRANGE', queue .. place, 0, 0, 'WITHSCORES')
if head[2] then redis.call('ZADD', heads, head[2], place) else redis.call('ZREM', heads, place) end
if tonumber(redis.call('ZINCRBY', depth, -queued, owner)) <= 0 then redis.call('ZREM', depth, owner) end
if left == 0 then
  redis.call('ZREM', parked, place)
  leave(ready_envs .. owner, spent_envs .. owner, name)
  if redis.call('EXISTS', ready_envs .. owner) == 0 then leave(ready_orgs, spent_orgs, owner) end
end
return answer
