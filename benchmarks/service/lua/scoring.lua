-- The next point of one series after the other, or of any series where BENCH_ORDER is "random".
-- BENCH_STARTS is a file with the epoch seconds of each series' next point, a line each. A series
-- belongs to one thread, so that its points come in the order of time.

dofile(os.getenv("BENCH_LUA") .. "/report.lua")

local threads = tonumber(os.getenv("BENCH_THREADS"))
local is_random = os.getenv("BENCH_ORDER") == "random"
local INTERVAL_S, DAY_S = 300, 86400
local own, asked = {}, 0

for line in io.lines(os.getenv("BENCH_STARTS")) do
  own[#own + 1] = tonumber(line)
end

function request()
  local mine = math.floor((#own - number - 1) / threads) + 1
  local nth = is_random and math.random(0, mine - 1) or asked % mine
  local place = number + nth * threads
  local at = own[place + 1]
  asked, own[place + 1] = asked + 1, at + INTERVAL_S
  local value = 100 + 10 * math.sin(2 * math.pi * at / DAY_S) + 2 * math.random() - 1
  local body = string.format('{"timestamp": %d, "value": %.3f}', at, value)
  return wrk.format("POST", "/v1/series/s-" .. place .. "/score", nil, body)
end
