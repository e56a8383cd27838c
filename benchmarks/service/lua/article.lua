-- One value after the other for the article's app.

dofile(os.getenv("BENCH_LUA") .. "/report.lua")

function request()
  return wrk.format("POST", "/detect", nil, string.format('{"value": %.3f}', 80 + 40 * math.random()))
end
