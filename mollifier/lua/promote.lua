#!lua flags=allow-oom
-- Puts entries that are due back into their queues, at their old places, and who was parked and may go on back among
-- those with work; the only way back. An entry that lapsed twice goes to those that are claimed alone; one whose place
-- can't be read is a dead letter.
-- Outcome: how many entries were put back.
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
local parked = KEYS[11]
local depth = KEYS[12]
local heads = KEYS[13]
local alone = KEYS[14]
local delayed = KEYS[15]
local counters = KEYS[16]
local failed = KEYS[17]
local now = tonumber(ARGV[1])
local at_most = tonumber(ARGV[2])

local LAPSES_TOGETHER, FREED = 2, 0
-- Gives a member work again: at the virtual time, or where it left off if that is later.
local function enter(ready, spent, member)
  if redis.call('ZSCORE', ready, member) then return end
  local tags = redis.call('ZMSCORE', spent, member, '/')
  redis.call('ZREM', spent, member)
  redis.call('ZADD', ready, math.max(tonumber(tags[1] or 0), tonumber(tags[2] or 0)), member)
end
local function make_ready(place)
  if redis.call('ZSCORE', parked, place) then return end
  local owner, name = string.match(place, '^([^/]+)/(.+)$')
  enter(ready_envs .. owner, spent_envs .. owner, name)
  if not redis.call('ZSCORE', parked, owner) then enter(ready_orgs, spent_orgs, owner) end
end
for _, member in ipairs(redis.call('ZRANGE', parked, FREED, FREED, 'BYSCORE', 'LIMIT', 0, at_most)) do
  redis.call('ZREM', parked, member)
  if not string.find(member, '/', 1, true) then
    if redis.call('EXISTS', ready_envs .. member) == 1 then enter(ready_orgs, spent_orgs, member) end
  elseif tonumber(redis.call('HGET', env .. member, 'q') or 0) > 0 then
    make_ready(member)
  end
end

if redis.call('EXISTS', delayed) == 0 then return 0 end
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local due = redis.call('ZRANGE', delayed, '-inf', now, 'BYSCORE', 'LIMIT', 0, at_most)
if #due == 0 then return 0 end
redis.call('ZREM', delayed, unpack(due))
local groups, aside = {}, {}
for _, id in ipairs(due) do
  local place, seq = string.match(redis.call('GETRANGE', entry .. id, 0, 255), '^%d+ %S+ %d+ (%S+) (%d+) ')
  if not place and redis.call('EXISTS', entry .. id) == 1 then
    redis.call('ZADD', failed, now, id)
  elseif not place then
    redis.call('HINCRBY', counters, 'orphaned', 1)
  else
    local group = groups[place] or {n = 0, ids = {}, scored = {}}
    groups[place], group.n = group, group.n + 1
    local lapsed = tonumber(redis.call('HGET', side .. id, 'k') or 0) >= LAPSES_TOGETHER
    local to = lapsed and aside or group.scored
    to[#to + 1], to[#to + 2] = seq, id
    if not lapsed then
      group.ids[#group.ids + 1] = id
      if not group.first or tonumber(seq) < tonumber(group.first) then group.first = seq end
    end
  end
end
if #aside > 0 then redis.call('ZADD', alone, unpack(aside)) end
for place, group in pairs(groups) do
  redis.call('HINCRBY', env .. place, 'h', -group.n)
  if group.first then
    redis.call('ZREM', held .. place, unpack(group.ids))
    redis.call('ZADD', queue .. place, unpack(group.scored))
    redis.call('HINCRBY', totals, 'q', #group.ids)
    redis.call('HINCRBY', env .. place, 'q', #group.ids)
    redis.call('ZADD', heads, 'LT', group.first, place)
    redis.call('ZINCRBY', depth, #group.ids, string.match(place, '^[^/]+'))
    make_ready(place)
  end
end
return #due
