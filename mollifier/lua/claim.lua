#!lua flags=allow-oom
-- Takes up to `limit` entries and `bytes` (at least one entry) under a lease, fairly: start-time fair queueing
-- (Goyal, Vin, Cheng 1996) over orgs by weight, and over the environments of each. The lowest start tag is served
-- next, up to a quantum, and pays entries / weight. The same token again answers the same entries.
-- Every other claim takes one of those that must be claimed alone, while there are any.
-- Outcome: the ids; none when there is no work.
local totals = KEYS[1]
local entry = KEYS[2]
local queue = KEYS[3]
local held = KEYS[4]
local env = KEYS[5]
local ready_orgs = KEYS[6]
local ready_envs = KEYS[7]
local spent_orgs = KEYS[8]
local spent_envs = KEYS[9]
local weights = KEYS[10]
local depth = KEYS[11]
local heads = KEYS[12]
local alone = KEYS[13]
local turn = KEYS[14]
local lease = KEYS[15]
local leases = KEYS[16]
local now = tonumber(ARGV[1])
local token = ARGV[2]
local limit = tonumber(ARGV[3])
local bytes = tonumber(ARGV[4])
local lease_for = tonumber(ARGV[5])

local QUANTUM, PAGE = 8, 64
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local ids, places = redis.call('HKEYS', lease .. token), {}
local fresh = #ids == 0

-- Visits members of a ready set by start tag until `budget` entries are given out; a revisit waits its turn in order.
local function shares(ready, budget, look)
  local list, again, first, last, offset, page, at = {}, {}, 1, 0, 0, {}, 1
  while budget > 0 do
    if at > #page and offset then
      local found = redis.call('ZRANGE', ready, offset, offset + PAGE - 1, 'WITHSCORES')
      page, at, offset = #found > 0 and look(found) or {}, 1, #found == 2 * PAGE and offset + PAGE or nil
    end
    local one = page[at]
    if again[first] and not (one and one.tag <= again[first].tag) then
      one, again[first], first = again[first], nil, first + 1
    elseif not one then
      break
    else
      at, one.take, one.start, list[#list + 1] = at + 1, 0, one.tag, one
    end
    local visit = math.min(one.quantum, one.count - one.take, budget)
    one.take, one.tag, budget = one.take + visit, one.tag + visit / one.weight, budget - visit
    if one.take < one.count then
      local spot = last + 1
      while spot > first and again[spot - 1].tag > one.tag do again[spot], spot = again[spot - 1], spot - 1 end
      again[spot], last = one, last + 1
    end
  end
  return list
end

local function names_of(found)
  local names = {}
  for i = 1, #found, 2 do names[#names + 1] = found[i] end
  return names
end

local function look_at_orgs(found)
  local names, rows = names_of(found), {}
  local counts, shared = redis.call('ZMSCORE', depth, unpack(names)), redis.call('HMGET', weights, unpack(names))
  for i, org in ipairs(names) do
    local weight = tonumber(shared[i] or 1)
    local quantum = math.max(1, math.floor(QUANTUM * weight))
    rows[i] = {name = org, tag = tonumber(found[2 * i]), count = tonumber(counts[i]), weight = weight, quantum = quantum}
  end
  return rows
end

local function look_at_envs(org)
  return function(found)
    local rows = {}
    for i, name in ipairs(names_of(found)) do
      local place = org .. '/' .. name
      local known = redis.call('HMGET', env .. place, 'q', 'm')
      local count, largest = tonumber(known[1]), tonumber(known[2])
      rows[i] = {name = name, place = place, tag = tonumber(found[2 * i]), count = count, largest = largest,
        weight = 1, quantum = QUANTUM, only = #found == 2}
    end
    return rows
  end
end

local heads_now, heads_gone = {}, {}
-- Moves the head of one queue under the lease, as far as the bytes last; answers how many.
local function take(one)
  local head = redis.call('ZRANGE', queue .. one.place, 0, one.take, 'WITHSCORES')
  local got, moved, tight = 0, {}, one.take * one.largest > bytes
  while got < one.take do
    local id = head[2 * got + 1]
    local size = tight and redis.call('STRLEN', entry .. id) or one.largest
    if size > bytes and #ids > 0 then break end
    got, bytes = got + 1, bytes - size
    ids[#ids + 1], places[#places + 1] = id, one.place
    moved[2 * got - 1], moved[2 * got] = head[2 * got], id
  end
  if got == 0 then return 0 end
  redis.call('ZREMRANGEBYRANK', queue .. one.place, 0, got - 1)
  redis.call('ZADD', held .. one.place, unpack(moved))
  redis.call('HINCRBY', env .. one.place, 'q', -got)
  if head[2 * got + 1] then
    heads_now[#heads_now + 1], heads_now[#heads_now + 2] = head[2 * got + 2], one.place
  else
    heads_gone[#heads_gone + 1] = one.place
  end
  return got
end

-- Charges what was taken: the next start tag, or the finish tag of one that is now empty, and the virtual time.
local function charge(ready, spent, rows)
  local on, off, past, virtual = {}, {}, {}, tonumber(redis.call('ZSCORE', spent, '/') or 0)
  for _, one in ipairs(rows) do
    local finish = one.start + one.got / one.weight
    virtual = math.max(virtual, one.start + math.max(0, one.got - one.quantum) / one.weight)
    local to = one.got < one.count and on or past
    to[#to + 1], to[#to + 2] = string.format('%.17g', finish), one.name
    if to == past then off[#off + 1] = one.name end
  end
  if #on > 0 then redis.call('ZADD', ready, unpack(on)) end
  if #off > 0 then redis.call('ZREM', ready, unpack(off)) end
  if redis.call('EXISTS', ready) == 0 then return redis.call('DEL', spent) end
  redis.call('ZADD', spent, virtual, '/', unpack(past))
  local passed = redis.call('ZRANGE', spent, '-inf', '(' .. string.format('%.17g', virtual), 'BYSCORE', 'LIMIT', 0, 1000)
  if #passed > 0 then redis.call('ZREM', spent, unpack(passed)) end
end

local function serve(org)
  local rows, got = shares(ready_envs .. org.name, org.take, look_at_envs(org.name)), 0
  for _, one in ipairs(rows) do
    one.got = take(one)
    got = got + one.got
  end
  if not (rows[1] and rows[1].only and got < org.count) then charge(ready_envs .. org.name, spent_envs .. org.name, rows) end
  return got
end

local other_work = redis.call('EXISTS', ready_orgs) == 1
if fresh and redis.call('EXISTS', alone) == 1 and not (other_work and redis.call('GET', turn)) then
  ids = {redis.call('ZPOPMIN', alone)[1]}
  places[1] = string.match(redis.call('GETRANGE', entry .. ids[1], 0, 255), '^1 %S+ %d+ (%S+) ') or '?/?'
  redis.call('SET', turn, '1')
elseif fresh then
  redis.call('DEL', turn)
  local served, depths, emptied = {}, {}, {}
  for _, org in ipairs(shares(ready_orgs, limit, look_at_orgs)) do
    org.got = serve(org)
    if org.got == 0 then break end
    served[#served + 1] = org
    depths[#depths + 1], depths[#depths + 2] = org.count - org.got, org.name
    if org.got < org.take then break end
  end
  if #served > 0 then
    charge(ready_orgs, spent_orgs, served)
    redis.call('ZADD', depth, unpack(depths))
    redis.call('ZREMRANGEBYSCORE', depth, '-inf', 0)
    if #heads_now > 0 then redis.call('ZADD', heads, unpack(heads_now)) end
    if #heads_gone > 0 then redis.call('ZREM', heads, unpack(heads_gone)) end
    redis.call('HINCRBY', totals, 'q', -#ids)
  end
end
redis.call('HSET', totals, 'claimed_at', now)
if fresh and #ids > 0 then
  local leased = {}
  for i, id in ipairs(ids) do leased[2 * i - 1], leased[2 * i] = id, places[i] end
  redis.call('HSET', lease .. token, unpack(leased))
  redis.call('ZADD', leases, now + lease_for, token)
end
return ids
