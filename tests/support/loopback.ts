/** Servers of tests. */

/**
 * Answers on loopback, at a port that the system gives. Where `answer` throws it is a 500, and nobody is
 * told: clients that break off are what is tested.
 */
export function serveOnLoopback(
  answer: (request: Request) => Response | Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  const onError = () => new Response(null, { status: 500 });
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {}, onError }, answer);
}
