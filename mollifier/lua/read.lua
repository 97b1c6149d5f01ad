#!lua flags=no-writes
-- Reads entries by id, each with its state, as far as the bytes last (one at least). The tail holds the ids.
-- Outcome: how many ids were looked at, then id, state, entry, side fields, for each of those that is buffered.
local entry = KEYS[1]
local side = KEYS[2]
local queue = KEYS[3]
local alone = KEYS[4]
local delayed = KEYS[5]
local failed = KEYS[6]
local bytes = tonumber(ARGV[1])

local answer = {0}
for i = 2, #ARGV do
  local id = ARGV[i]
  if bytes <= 0 then break end
  answer[1] = i - 1
  local text = redis.call('GET', entry .. id)
  local place = text and string.match(text, '^%d+ %S+ %d+ (%S+) ')
  if text then
    local state = 'leased'
    if redis.call('ZSCORE', delayed, id) then state = 'delayed'
    elseif redis.call('ZSCORE', failed, id) then state = 'failed'
    elseif redis.call('ZSCORE', alone, id) then state = 'queued'
    elseif place and redis.call('ZSCORE', queue .. place, id) then state = 'queued' end
    bytes = bytes - #text
    for _, part in ipairs({id, state, text, redis.call('HGETALL', side .. id)}) do answer[#answer + 1] = part end
  end
end
return answer
