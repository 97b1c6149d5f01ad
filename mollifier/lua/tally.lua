#!lua flags=allow-oom
-- Adds what one process counted of one environment since it last told. Of what the limits would have buffered it keeps
-- an imagined queue, drained at `rate` entries a second (0: at the rate last measured, at least `pace`), and in it
-- sorts the waits by length. What stands behind that queue would be buffered too, as order asks. `most` definitions
-- are told apart in a day, the others are one. The tail holds threes, `seconds` of them, oldest first: microseconds
-- ago, arrived, over a limit; then threes of `c` or `d` (a counter, or a definition), its name, and the increment.
-- Outcome: how many would have been buffered.
local totals = KEYS[1]
local tally = KEYS[2]
local arrivals = KEYS[3]
local imagined = KEYS[4]
local now = tonumber(ARGV[1])
local org = ARGV[2]
local place = ARGV[3]
local rate = tonumber(ARGV[4])
local pace = tonumber(ARGV[5])
local kept_seconds = tonumber(ARGV[6])
local kept_days = tonumber(ARGV[7])
local most = tonumber(ARGV[8])
local seconds = tonumber(ARGV[9])

local TAIL, SLICES, OTHERS, FORGET = 10, 8, 'd:*', 3600
local BOUNDS = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000}
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
if rate == 0 then rate = math.max(pace, tonumber(redis.call('HGET', totals, 'rate') or 0)) end
local day = tally .. org .. ':' .. math.floor(now / 86400000000)
local known = redis.call('HMGET', imagined .. place, 'n', 'at')
local waiting, last, would = tonumber(known[1] or 0), tonumber(known[2] or 0), 0

for i = TAIL, TAIL + 3 * seconds - 3, 3 do
  local at, arrived, over = now - ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local second = math.floor(at / 1000000)
  local minute = arrivals .. place .. ':' .. math.floor(second / 60)
  redis.call('HINCRBY', minute, 'a' .. second % 60, arrived)
  if over > 0 then redis.call('HINCRBY', minute, 'o' .. second % 60, over) end
  redis.call('EXPIRE', minute, kept_seconds)
  waiting = math.max(0, waiting - rate * math.max(0, at - last) / 1000000)
  -- While the queue stands, a share of the second, all that arrive join it.
  local share = math.min(1, (waiting + over) / rate)
  local joined = over + math.floor((arrived - over) * share + 0.5)
  local slices = math.min(SLICES, joined)
  for slice = 1, slices do
    local count = math.floor(joined * slice / slices) - math.floor(joined * (slice - 1) / slices)
    local wait, slot = (waiting + joined * (slice - 0.5) / slices) / rate * 1000, 1
    while BOUNDS[slot] and wait > BOUNDS[slot] do slot = slot + 1 end
    redis.call('HINCRBY', day, 'w:' .. (BOUNDS[slot] or 'inf'), count)
  end
  waiting, last, would = waiting + joined, math.max(last, at), would + joined
end
if waiting > 0 then
  redis.call('HSET', imagined .. place, 'n', string.format('%.3f', waiting), 'at', string.format('%.0f', last))
  redis.call('EXPIRE', imagined .. place, FORGET)
else
  redis.call('DEL', imagined .. place)
end

if would > 0 then redis.call('HINCRBY', day, 'c:would', would) end
for i = TAIL + 3 * seconds, #ARGV, 3 do
  local field = ARGV[i] .. ':' .. ARGV[i + 1]
  if ARGV[i] == 'd' and redis.call('HEXISTS', day, field) == 0 then
    if tonumber(redis.call('HGET', day, 'told') or 0) < most then
      redis.call('HINCRBY', day, 'told', 1)
    else
      field = OTHERS
    end
  end
  redis.call('HINCRBY', day, field, ARGV[i + 2])
end
redis.call('EXPIRE', day, (kept_days + 1) * 86400)
return would
