/**
 * Whether the backend answers, agrees on the time and accepts the token.
 *
 * @module
 */
import { isUntrusted } from "../mqtt/failure.ts";
import { probe, type ProbeAnswer } from "../backend/http_probe.ts";
import { type Reach, reach, type Server } from "../mqtt/reach.ts";
import { RestBackend } from "../backend/rest_backend.ts";
import type { Settings } from "../config/config.ts";
import type { LoadedSettings } from "../config/load.ts";
import { AuthenticationError, BackendError, messageOf, quoted } from "../errors.ts";
import type { Clock } from "../time.ts";
import { MISSING_TOKEN } from "./config_review.ts";
import { type Check, fail, type Finding, ok, warn } from "./finding.ts";
import { milliseconds, stages } from "./quantities.ts";

const SLOW_MS = 2_000;
const PATH = "/api/v1/cloud-node/instances";

/** Whether the backend answers. A node with control_plane: mqtt hardly needs it. */
export function backendCheck({ apiUrl, controlPlane }: Settings, clock: Clock): Check {
  return {
    name: "backend",
    async run(signal) {
      // Both in any case: a proxy may reach what has no direct route.
      const [way, answer] = await Promise.all([
        reach(serverAt(apiUrl), clock, signal),
        probe(apiUrl + PATH, clock, signal).catch((error) => {
          if (error instanceof BackendError) return error;
          throw error;
        }),
      ]);
      const finding = answer instanceof BackendError
        ? unreachable(apiUrl, way, answer)
        : answered(apiUrl, way, answer);
      const isNeeded = controlPlane === "rest";
      return finding.status === "fail" && !isNeeded ? { ...finding, status: "warn" } : finding;
    },
  };
}

function serverAt(apiUrl: string): Server {
  const { protocol, hostname, port } = new URL(apiUrl);
  const secure = protocol === "https:";
  return {
    name: "the backend",
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port) || (secure ? 443 : 80),
    tls: secure ? {} : undefined,
  };
}

function unreachable(apiUrl: string, { passed, failed }: Reach, error: BackendError): Finding {
  if (failed === undefined) {
    const fix = isUntrusted(error.message) ? TRUST : CHECK_URL;
    return fail(`${apiUrl}: HTTP: ${error.message}${stages(passed)}`, fix);
  }
  const { stage, failure } = failed;
  const fix = stage === "TLS"
    ? TRUST
    : stage === "DNS"
    ? `${CHECK_URL}, and the network's DNS`
    : `${CHECK_URL}, and that a firewall lets you out (or set HTTPS_PROXY)`;
  return fail(`${apiUrl}: ${stage}: ${failure.why}${stages(passed)}`, fix);
}

const TRUST =
  "Set DENO_CERT to a PEM file of the certificate authority to trust, or correct api_url";
const CHECK_URL = "Check api_url (CYBERWAVE_API_URL)";

function answered(apiUrl: string, { passed }: Reach, answer: ProbeAnswer): Finding {
  const { status, ms, location } = answer;
  if (location !== undefined && status >= 300 && status < 400) {
    return fail(
      `${apiUrl} redirects to ${quoted(location)}`,
      `${CHECK_URL}: it must be the final address`,
    );
  }
  if (status === 404) return fail(`${apiUrl} has no Cyberwave API (it answers 404)`, CHECK_URL);
  if (status >= 500) {
    return fail(`${apiUrl} fails (it answers ${status})`, "Try again in a while");
  }
  const found = `${apiUrl} answers in ${milliseconds(ms)}${stages(passed)}`;
  return ms > SLOW_MS ? warn(`${found}, which is slow`, "Check the network") : ok(found);
}

/** Whether there is a token that the backend accepts. */
export function tokenCheck({ settings, sources }: LoadedSettings): Check {
  return {
    name: "token",
    async run(signal) {
      const { token } = settings;
      if (token === undefined) return fail(MISSING_TOKEN.detail, MISSING_TOKEN.fix);
      const tokenSource = sources.get("token");
      try {
        await new RestBackend({ ...settings, token, tokenSource }).checkToken(signal);
        return ok(`accepted by the backend (from ${tokenSource})`);
      } catch (error) {
        if (error instanceof AuthenticationError) return fail(error.message, error.hint);
        if (error instanceof BackendError) return warn(`not checked: ${error.message}`, error.hint);
        throw error;
      }
    },
  };
}

const ODD_SKEW_MS = 10_000;
const WRONG_SKEW_MS = 5 * 60_000;

/** Whether this computer's clock is right, as far as the backend's is. */
export function clockCheck({ apiUrl }: Settings, clock: Clock): Check {
  return {
    name: "clock",
    async run(signal) {
      try {
        const { ahead } = await probe(apiUrl + PATH, clock, signal);
        return ahead === undefined
          ? warn("not checked: the backend does not send the time")
          : skewFinding(ahead);
      } catch (error) {
        signal.throwIfAborted();
        return warn(`not checked: the backend does not answer: ${messageOf(error)}`);
      }
    },
  };
}

/** The finding for a backend whose clock is `ahead` by so many milliseconds. */
export function skewFinding(ahead: number): Finding {
  const skew = Math.abs(ahead);
  if (skew <= ODD_SKEW_MS) return ok("agrees with the backend's");
  const seconds = `${Math.round(skew / 1000)} s ${ahead > 0 ? "behind" : "ahead of"}`;
  const detail = `${seconds} the backend's`;
  const fix = "Set this computer's clock, best by NTP: timedatectl set-ntp true";
  return skew > WRONG_SKEW_MS
    ? fail(`${detail}: certificates and signed URLs may count as expired`, fix)
    : warn(detail, fix);
}
