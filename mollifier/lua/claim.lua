#!lua flags=allow-oom
-- Takes up to `limit` entries and `bytes` (at least one entry) under a lease, fairly: start-time fair queueing
-- (Goyal, Vin, Cheng 1996) over orgs by weight, and over the environments of each. The lowest start tag is served
-- next, up to a quantum, and pays entries / weight. The same token again answers the same entries.
-- Who is paused, or has `most` entries in flight (0: no cap; `ordered`: any), is parked: out of the ready set, its
-- tag kept, so that no later claim looks at it. With `paced` no more is taken than the bucket holds. `only` names the
-- one org to take from; the tail holds orgs to leave out.
-- Outcome: {ids, paused, full}: how many orgs and environments stand parked because they are paused, or at the cap.
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
local paused = KEYS[13]
local parked = KEYS[14]
local bucket = KEYS[15]
local lease = KEYS[16]
local leases = KEYS[17]
local now = tonumber(ARGV[1])
local token = ARGV[2]
local limit = tonumber(ARGV[3])
local bytes = tonumber(ARGV[4])
local lease_for = tonumber(ARGV[5])
local most = tonumber(ARGV[6])
local ordered = ARGV[7] == '1'
local paced = ARGV[8] == '1'
local only = ARGV[9]

local QUANTUM, PAGE, ROUNDS, PAUSED, FULL = 8, 64, 32, -1, 1
local ids, leased, tight = redis.call('HKEYS', lease .. token), {}, false
local function answer()
  return {ids, redis.call('ZCOUNT', parked, PAUSED, PAUSED), redis.call('ZCOUNT', parked, FULL, FULL)}
end
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
redis.call('HSET', totals, 'claimed_at', now, 'asked', limit)
if #ids > 0 then return answer() end
if paced then limit = math.min(limit, math.floor(tonumber(redis.call('HGET', bucket, 'n') or 0))) end
local without = {}
for i = 10, #ARGV do without[ARGV[i]] = true end
local page = PAGE + #ARGV - 9
local pausing = redis.call('EXISTS', paused) == 1

-- Makes rows of a page of a ready set. `count` is what may be taken; of who is paused, nothing.
local function rows_of(found, before)
  local rows, members = {}, {}
  for i = 1, #found, 2 do
    local tag, member = tonumber(found[i + 1]), before .. found[i]
    rows[#rows + 1] = {name = found[i], member = member, start = tag, tag = tag, weight = 1, quantum = QUANTUM, take = 0, got = 0}
    members[#rows] = member
  end
  if pausing and #rows > 0 then
    for i, yes in ipairs(redis.call('SMISMEMBER', paused, unpack(members))) do rows[i].paused = yes == 1 end
  end
  return rows, members
end
local function orgs_of(found)
  local rows, names = rows_of(found, '')
  if #rows == 0 then return rows end
  local counts, shared = redis.call('ZMSCORE', depth, unpack(names)), redis.call('HMGET', weights, unpack(names))
  for i, row in ipairs(rows) do
    row.depth, row.weight = tonumber(counts[i] or 0), tonumber(shared[i] or 1)
    row.passed_over = without[row.name]
    row.count = (row.paused or row.passed_over) and 0 or row.depth
    row.quantum = math.max(1, math.floor(QUANTUM * row.weight))
  end
  return rows
end
local function envs_of(org)
  return function(found)
    local rows = rows_of(found, org .. '/')
    for _, row in ipairs(rows) do
      local known = redis.call('HMGET', env .. row.member, 'q', 'n', 'h', 'm')
      local flying = (known[2] or 0) - (known[1] or 0) - (known[3] or 0)
      row.queued, row.largest, row.once = tonumber(known[1] or 0), tonumber(known[4] or 0), ordered
      local none = row.paused or ordered and flying > 0
      row.count = none and 0 or most > 0 and math.min(row.queued, math.max(0, most - flying)) or row.queued
    end
    return rows
  end
end

-- Gives out a budget among the first of a ready set, visit by visit, until one that was not looked at comes next.
local function share(ready, budget, look)
  local one_only = ready == ready_orgs and only ~= ''
  local found = one_only and {only, redis.call('ZSCORE', ready, only)} or redis.call('ZRANGE', ready, 0, page - 1, 'WITHSCORES')
  local rows = look(found[2] and found or {})
  local line, bound = {unpack(rows)}, #rows == page and rows[page].start or math.huge
  while budget > 0 and line[1] and line[1].tag <= bound do
    local one = table.remove(line, 1)
    local spot, visit = #line + 1, math.min(one.quantum, one.count - one.take, budget)
    one.take, one.tag, budget = one.take + visit, one.tag + visit / one.weight, budget - visit
    if one.take < one.count then
      while spot > 1 and line[spot - 1].tag > one.tag do spot = spot - 1 end
      table.insert(line, spot, one)
    end
  end
  return rows
end

-- Charges what was taken: the next start tag, or the finish tag of who leaves the ready set, and the virtual time.
-- Answers whether anybody is left.
local function leaves(one) return one.got >= one.count and not one.passed_over or one.once and one.got > 0 end
local function charge(ready, spent, rows)
  local on, off, past, virtual = {}, {}, {}, tonumber(redis.call('ZSCORE', spent, '/') or 0)
  for _, one in ipairs(rows) do
    if one.got > 0 then virtual = math.max(virtual, one.start + math.max(0, one.got - one.quantum) / one.weight) end
    local to = leaves(one) and past or on
    if one.got > 0 or to == past then
      to[#to + 1], to[#to + 2] = string.format('%.17g', one.start + one.got / one.weight), one.name
    end
    if to == past then
      off[#off + 1] = one.name
      local why = one.paused and PAUSED or (one.queued or 0) > one.got and FULL
      if why then redis.call('ZADD', parked, why, one.member) end
    end
  end
  if #on > 0 then redis.call('ZADD', ready, unpack(on)) end
  if #off > 0 then redis.call('ZREM', ready, unpack(off)) end
  if redis.call('EXISTS', ready) == 0 then
    redis.call('DEL', spent)
    return false
  end
  redis.call('ZADD', spent, virtual, '/', unpack(past))
  local passed = redis.call('ZRANGE', spent, '-inf', '(' .. string.format('%.17g', virtual), 'BYSCORE', 'LIMIT', 0, 1000)
  if #passed > 0 then redis.call('ZREM', spent, unpack(passed)) end
  return true
end

local heads_now, heads_gone = {}, {}
-- Moves the head of one queue under the lease, as far as the bytes last.
local function take(one)
  local head, moved = redis.call('ZRANGE', queue .. one.member, 0, one.take, 'WITHSCORES'), {}
  local near = one.take * one.largest > bytes
  while one.got < one.take and head[2 * one.got + 1] do
    local id = head[2 * one.got + 1]
    local size = near and redis.call('STRLEN', entry .. id) or one.largest
    tight = size > bytes and #ids > 0
    if tight then break end
    one.got, bytes = one.got + 1, bytes - size
    ids[#ids + 1], leased[#leased + 1], leased[#leased + 2] = id, id, one.member
    moved[#moved + 1], moved[#moved + 2] = head[2 * one.got], id
  end
  if one.got == 0 then return end
  redis.call('ZREMRANGEBYRANK', queue .. one.member, 0, one.got - 1)
  redis.call('ZADD', held .. one.member, unpack(moved))
  redis.call('HINCRBY', env .. one.member, 'q', -one.got)
  local next_seq = head[2 * one.got + 2]
  local to = next_seq and heads_now or heads_gone
  if next_seq then to[#to + 1] = next_seq end
  to[#to + 1] = one.member
end
local function serve(org)
  local rows = share(ready_envs .. org.name, org.take, envs_of(org.name))
  for _, one in ipairs(rows) do
    if one.take > 0 and not tight then take(one) end
    org.got = org.got + one.got
  end
  -- One environment alone needs no tag, as long as it stays.
  local stays = #rows == 1 and not leaves(rows[1]) or charge(ready_envs .. org.name, spent_envs .. org.name, rows)
  org.count = stays and math.huge or org.got
end

local round, depths, moved = 0, {}, true
while #ids < limit and not tight and round < ROUNDS and moved do
  round, depths, moved = round + 1, {}, false
  local orgs = share(ready_orgs, limit - #ids, orgs_of)
  for _, org in ipairs(orgs) do
    if org.take > 0 and not tight then serve(org) end
    if org.take > 0 or org.paused then moved = true end
    if org.got > 0 then depths[#depths + 1], depths[#depths + 2] = org.depth - org.got, org.name end
  end
  if #depths > 0 then redis.call('ZADD', depth, unpack(depths)) end
  charge(ready_orgs, spent_orgs, orgs)
end
if #ids > 0 then
  redis.call('ZREMRANGEBYSCORE', depth, '-inf', 0)
  if #heads_now > 0 then redis.call('ZADD', heads, unpack(heads_now)) end
  if #heads_gone > 0 then redis.call('ZREM', heads, unpack(heads_gone)) end
  redis.call('HINCRBY', totals, 'q', -#ids)
  if paced then redis.call('HINCRBYFLOAT', bucket, 'n', -#ids) end
  redis.call('HSET', lease .. token, unpack(leased))
  redis.call('ZADD', leases, now + lease_for, token)
end
return answer()
