#!lua flags=no-writes
-- Reads what people watch, at one moment. Outcome: now, totals (fields and values), how many are delayed, failed and
-- to be claimed alone, how many orgs and environments are parked because they are paused or at their cap, the oldest
-- queued sequence (or nil), and org, depth, oldest, weight for each org asked for, or for the `top` deepest when none is
-- named in the tail; last, what the sweep said: the end of its last cycle, its last pass, stale entries in queues and
-- among those alone, ids without an entry; and the oldest sequence of those that don't stand aside (or nil; of a great
-- many places the first are looked at).
local totals = KEYS[1]
local ready_envs = KEYS[2]
local weights = KEYS[3]
local depth = KEYS[4]
local heads = KEYS[5]
local alone = KEYS[6]
local delayed = KEYS[7]
local failed = KEYS[8]
local parked = KEYS[9]
local sweep = KEYS[10]
local paused = KEYS[11]
local top = tonumber(ARGV[1])

local ENVS, FREED = 100, 0
local orgs = {unpack(ARGV, 2)}
if #orgs == 0 then orgs = redis.call('ZRANGE', depth, 0, top - 1, 'REV') end
-- The environments that stand aside, by org; of a great many, the first.
local aside = {}
for _, member in ipairs(redis.call('ZRANGE', parked, 0, 10 * ENVS - 1)) do
  local org = string.match(member, '^([^/]+)/')
  if org then
    aside[org] = aside[org] or {}
    table.insert(aside[org], member)
  end
end
local rows = {}
for _, org in ipairs(orgs) do
  local envs, oldest = redis.call('ZRANGE', ready_envs .. org, 0, ENVS - 1), false
  for i, name in ipairs(envs) do envs[i] = org .. '/' .. name end
  for _, place in ipairs(aside[org] or {}) do envs[#envs + 1] = place end
  for _, seq in ipairs(#envs > 0 and redis.call('ZMSCORE', heads, unpack(envs)) or {}) do
    if seq and (not oldest or tonumber(seq) < tonumber(oldest)) then oldest = seq end
  end
  local row = {org, redis.call('ZSCORE', depth, org) or '0', oldest, redis.call('HGET', weights, org) or '1'}
  for i = 1, 4 do rows[#rows + 1] = row[i] end
end
-- Who is paused is parked only when a claim meets it.
local function stands_aside(member)
  return redis.call('SISMEMBER', paused, member) == 1 or (tonumber(redis.call('ZSCORE', parked, member) or FREED) ~= FREED)
end
local claimable = false
local any_aside = redis.call('ZCARD', parked) + redis.call('SCARD', paused) > 0
local waiting = redis.call('ZRANGE', heads, 0, any_aside and 10 * ENVS - 1 or 0, 'WITHSCORES')
for i = 1, #waiting, 2 do
  if not (stands_aside(waiting[i]) or stands_aside(string.match(waiting[i], '^([^/]+)/'))) then
    claimable = waiting[i + 1]
    break
  end
end
local first_alone = redis.call('ZRANGE', alone, 0, 0, 'WITHSCORES')[2]
local first = waiting[2] or first_alone
return {redis.call('TIME'), redis.call('HGETALL', totals), redis.call('ZCARD', delayed), redis.call('ZCARD', failed),
  redis.call('ZCARD', alone), redis.call('ZCOUNT', parked, -1, -1), redis.call('ZCOUNT', parked, 1, 1), first or false,
  rows, redis.call('HMGET', sweep, 'ended', 'beat', 'stale', 'alone', 'orphans'),
  claimable or first_alone or false}
