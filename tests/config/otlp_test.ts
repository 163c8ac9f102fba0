import { assertEquals } from "@std/assert";
import { readOtlp } from "../../src/config/otlp.ts";

const ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";

Deno.test("there are traces only where an endpoint is named, and nobody has turned them off", () => {
  const off: Record<string, string>[] = [
    {},
    { [ENDPOINT]: "" },
    { OTEL_DENO: "true" },
    { [ENDPOINT]: "http://c:4318", OTEL_SDK_DISABLED: "true" },
    { [ENDPOINT]: "http://c:4318", OTEL_TRACES_EXPORTER: "none" },
  ];
  for (const env of off) assertEquals(readOtlp(env), { problems: [] }, JSON.stringify(env));
});

Deno.test("spans go to the endpoint's path for traces, or exactly to that of traces alone", () => {
  const table: [Record<string, string>, string][] = [
    [{ [ENDPOINT]: "http://c:4318" }, "http://c:4318/v1/traces"],
    [{ [ENDPOINT]: "http://c:4318/" }, "http://c:4318/v1/traces"],
    [{ [ENDPOINT]: "https://c/otlp?key=1" }, "https://c/otlp/v1/traces?key=1"],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c:4318/t" }, "http://c:4318/t"],
    [
      { [ENDPOINT]: "http://a", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://b/t" },
      "http://b/t",
    ],
  ];
  for (const [env, url] of table) assertEquals(readOtlp(env).target?.url, url);
});

Deno.test("what the variables of OpenTelemetry say is read", () => {
  const { target, problems } = readOtlp({
    [ENDPOINT]: "http://c:4318",
    OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b, authorization=Basic%20eA==",
    OTEL_EXPORTER_OTLP_TIMEOUT: "500",
    OTEL_SERVICE_NAME: "gpu-1",
    OTEL_RESOURCE_ATTRIBUTES: "service.name=x,deployment.environment.name=lab",
  });
  assertEquals(problems, []);
  assertEquals(target, {
    url: "http://c:4318/v1/traces",
    headers: { "x-key": "a b", "authorization": "Basic eA==" },
    timeoutMs: 500,
    resource: { "service.name": "gpu-1", "deployment.environment.name": "lab" },
    sampler: { isParentBased: true, ratio: 1 },
  });
});

Deno.test("every sampler of the specification is known", () => {
  const table: [string, string | undefined, boolean, number][] = [
    ["always_on", undefined, false, 1],
    ["always_off", undefined, false, 0],
    ["traceidratio", "0.25", false, 0.25],
    ["traceidratio", undefined, false, 1],
    ["parentbased_always_on", undefined, true, 1],
    ["parentbased_always_off", undefined, true, 0],
    ["parentbased_traceidratio", "0", true, 0],
  ];
  for (const [name, arg, isParentBased, ratio] of table) {
    const env = { [ENDPOINT]: "http://c", OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: arg };
    assertEquals(readOtlp(env).target?.sampler, { isParentBased, ratio }, name);
  }
});

Deno.test("a value that cannot be used is named, and never a key", () => {
  const table: [Record<string, string>, string][] = [
    [
      { [ENDPOINT]: "collector:4318" },
      `${ENDPOINT} must be a URL with http:// or https://, not "collector:4318": there are no traces`,
    ],
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
      "Traces go to http://c/v1/traces as http/json: OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not supported",
    ],
    [
      { OTEL_EXPORTER_OTLP_HEADERS: "Bearer sk-123,a=%zz" },
      "OTEL_EXPORTER_OTLP_HEADERS has an entry that is not name=value, which is ignored",
    ],
    [
      { OTEL_EXPORTER_OTLP_TIMEOUT: "1s" },
      'OTEL_EXPORTER_OTLP_TIMEOUT must be milliseconds, not "1s": it is 10000',
    ],
    [
      { OTEL_TRACES_SAMPLER: "jaeger_remote" },
      'OTEL_TRACES_SAMPLER "jaeger_remote" is not supported: all traces are recorded',
    ],
    [
      { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "50%" },
      'OTEL_TRACES_SAMPLER_ARG must be from 0 to 1, not "50%": it is 1',
    ],
  ];
  for (const [env, problem] of table) {
    const { problems } = readOtlp({ [ENDPOINT]: "http://c", ...env });
    assertEquals([...new Set(problems)], [problem]);
  }
});
