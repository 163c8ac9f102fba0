/**
 * The variables by which a shell says how the network is reached: a service has to know them too. Pure.
 *
 * @module
 */
import { resolve } from "node:path";

/** Variables that are paths of files or folders. */
const PATHS = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "DENO_CERT"];
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
const NAMES = [
  ...PATHS,
  "DENO_TLS_CA_STORE",
  ...PROXIES,
  ...PROXIES.map((name) => name.toLowerCase()),
];

/** Variables, apart from those that hold a password. */
interface NetworkVariables {
  /** What may stand where others read it. */
  readonly plain: Readonly<Record<string, string>>;
  /** What may not: the URL of a proxy with a password. */
  readonly secret: Readonly<Record<string, string>>;
}

/** The variables for certificates and proxies in `env`, with paths that hold in any folder. */
export function networkVariables(env: Readonly<Record<string, string>>): NetworkVariables {
  const plain: Record<string, string> = {};
  const secret: Record<string, string> = {};
  for (const name of NAMES) {
    const value = env[name] ?? "";
    // A line break would begin another variable.
    if (value === "" || /\p{Cc}/u.test(value)) continue;
    if (value.includes("@")) secret[name] = value;
    else plain[name] = PATHS.includes(name) ? resolve(value) : value;
  }
  return { plain, secret };
}

/** A file of variables, as systemd and `deno run --env-file` read it. */
export function variablesFile(variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables)
    .map(([name, value]) => `${name}='${value.replaceAll("'", "%27")}'\n`);
  return `# Written by "cyberwave-cloud-node service install", which overwrites it.\n${
    lines.join("")
  }`;
}
