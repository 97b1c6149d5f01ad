#!lua flags=allow-oom
-- Puts entries that are due back into their queues, at their old places; the only way back into a queue.
-- One that lapsed twice goes to those that are claimed alone. Outcome: how many were put back.
local totals = KEYS[1]
local entry = KEYS[2]
local side = KEYS[3]
local queue = KEYS[4]
local held = KEYS[5]
local env = KEYS[6]
local ready_orgs = KEYS[7]
local ready_envs = KEYS[8]
local spent_orgs = KEYS[9]
local spent_envs = KEYS[10]
local depth = KEYS[11]
local heads = KEYS[12]
local alone = KEYS[13]
local delayed = KEYS[14]
local counters = KEYS[15]
local now = tonumber(ARGV[1])
local at_most = tonumber(ARGV[2])

if redis.call('EXISTS', delayed) == 0 then return 0 end
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local function start(spent, member)
  local tags = redis.call('ZMSCORE', spent, member, '/')
  redis.call('ZREM', spent, member)
  return math.max(tonumber(tags[1] or 0), tonumber(tags[2] or 0))
end
local due = redis.call('ZRANGE', delayed, '-inf', now, 'BYSCORE', 'LIMIT', 0, at_most)
for _, id in ipairs(due) do
  redis.call('ZREM', delayed, id)
  local text = redis.call('GETRANGE', entry .. id, 0, 255)
  local owner, name, seq = string.match(text, '^1 %S+ %d+ ([^/]+)/(%S+) (%d+) ')
  if not owner then
    redis.call('HINCRBY', counters, 'orphaned', 1)
  else
    local place = owner .. '/' .. name
    redis.call('HINCRBY', env .. place, 'h', -1)
    if tonumber(redis.call('HGET', side .. id, 'k') or 0) >= 2 then
      redis.call('ZADD', alone, seq, id)
    else
      redis.call('ZREM', held .. place, id)
      redis.call('ZADD', queue .. place, seq, id)
      redis.call('HINCRBY', totals, 'q', 1)
      redis.call('ZADD', heads, 'LT', seq, place)
      if redis.call('HINCRBY', env .. place, 'q', 1) == 1 then
        redis.call('ZADD', ready_envs .. owner, start(spent_envs .. owner, name), name)
      end
      if tonumber(redis.call('ZINCRBY', depth, 1, owner)) == 1 then
        redis.call('ZADD', ready_orgs, start(spent_orgs, owner), owner)
      end
    end
  end
end
return #due
