#!lua flags=allow-oom
-- Fills the bucket that all drainers claim from: `rate` entries a second, at most `burst` of them.
-- Outcome: microseconds until it holds one; 0 when it does.
local bucket = KEYS[1]
local now = tonumber(ARGV[1])
local rate = tonumber(ARGV[2])
local burst = tonumber(ARGV[3])

if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local known = redis.call('HMGET', bucket, 'n', 'at')
local passed = math.max(0, now - (tonumber(known[2]) or 0)) / 1000000
local holds = math.min(burst, (tonumber(known[1]) or burst) + passed * rate)
redis.call('HSET', bucket, 'n', string.format('%.17g', holds), 'at', now)
return holds >= 1 and 0 or math.ceil((1 - holds) / rate * 1000000)
