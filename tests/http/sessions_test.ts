import { assert, assertEquals, assertMatch } from "@std/assert";
import { Sessions, withoutSession } from "../../src/http/sessions.ts";
import { FakeClock } from "../support/clock.ts";

const TOKEN = "t".repeat(43);
const URL = "http://127.0.0.1:8470";
const bearer = (token: string) => new Headers({ authorization: `Bearer ${token}` });

Deno.test("sessions: the token opens, and nothing that is like it", () => {
  const sessions = new Sessions(TOKEN, URL, new FakeClock());
  assert(sessions.isAuthorized(bearer(TOKEN)));
  assert(sessions.isAuthorized(new Headers({ authorization: `bearer  ${TOKEN} ` })));
  for (const wrong of ["", "t", `${TOKEN}t`, TOKEN.slice(1), TOKEN.toUpperCase()]) {
    assert(!sessions.isAuthorized(bearer(wrong)), wrong);
  }
  assert(!sessions.isAuthorized(new Headers({ authorization: `Basic ${TOKEN}` })));
  assert(!sessions.isAuthorized(new Headers()));
});

Deno.test("sessions: a link is worth one cookie, for ten minutes", async () => {
  const clock = new FakeClock();
  const sessions = new Sessions(TOKEN, URL, clock);
  const [code, late] = [sessions.createLink().code, sessions.createLink().code];
  const { cookie, path } = sessions.redeem(code)!;
  assertMatch(path, /^\/s\/[\w-]{43}\/$/);
  assertMatch(cookie, /^cloud_node_session_8470=[\w-]{43}; Path=.*HttpOnly; SameSite=Strict$/);
  assert(cookie.includes(`; Path=${path}; `));
  assertEquals(withoutSession(`${path}api/v1/status`), "/api/v1/status");
  assertEquals(["/", "/s/", "/page/s/x/"].map(withoutSession), ["/", "/s/", "/page/s/x/"]);
  assertEquals(sessions.redeem(code), undefined);
  assertEquals(sessions.redeem("guessed"), undefined);
  const [pair] = cookie.split(";");
  assert(sessions.isAuthorized(new Headers({ cookie: `other=1; ${pair}` })));
  assert(!sessions.isAuthorized(new Headers({ cookie: `${pair}x` })));
  await clock.advance(10 * 60_000 + 1);
  assertEquals(sessions.redeem(late), undefined);
  await clock.advance(8 * 24 * 60 * 60 * 1000);
  assert(!sessions.isAuthorized(new Headers({ cookie: pair! })));
});
