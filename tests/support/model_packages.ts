/** The Python with the packages of real models, which CLOUD_NODE_MODEL_SERVERS names. */

/** Its path; `undefined`: the tests that use it are skipped. */
export const PYTHON: string | undefined = Deno.env.get("CLOUD_NODE_MODEL_SERVERS");

if (PYTHON === undefined) {
  console.warn(
    "CLOUD_NODE_MODEL_SERVERS names no Python with the packages of .ci/model_servers.txt and " +
      ".ci/model_weights.txt: the tests that use them are skipped",
  );
}
