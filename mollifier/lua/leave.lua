#!lua flags=allow-oom
-- Gives up the lead, if the token has it. Outcome: how many entries still wait for a drainer.
local totals = KEYS[1]
local failed = KEYS[2]
local drainer = KEYS[3]
local wake = KEYS[4]
local token = ARGV[1]

if redis.call('GET', drainer) == token then redis.call('DEL', drainer, wake) end
return tonumber(redis.call('HGET', totals, 'n') or 0) - redis.call('ZCARD', failed)
