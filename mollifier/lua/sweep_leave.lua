#!lua flags=allow-oom
-- Gives up the sweeper's lock, if the token has it. Outcome: 1 given up, 0 not ours.
local sweeper = KEYS[1]
local token = ARGV[1]

if redis.call('GET', sweeper) ~= token then return 0 end
return redis.call('DEL', sweeper)
