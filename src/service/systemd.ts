/**
 * The service under systemd. Pure.
 *
 * @module
 */
import { ConfigError, quoted } from "../errors.ts";
import {
  LOG_LINES,
  type Scope,
  secretFile,
  type Service,
  SERVICE_NAME,
  type ServicePlan,
} from "./service_manager.ts";

/** Seconds after which systemd restarts a node that has not fed the watchdog. */
const WATCHDOG_SECONDS = 60;

/** The service as a unit of systemd; `configFolder` is the user's own, such as `~/.config`. */
export function systemdPlan(service: Service, configFolder: string): ServicePlan {
  const { scope, user = "" } = service;
  const manager = scope === "user" ? ["--user"] : [];
  const systemctl = (
    ...args: string[]
  ): [string, ...string[]] => ["systemctl", ...manager, ...args];
  const journalctl = (...args: string[]): [string, ...string[]] => [
    "journalctl",
    ...[scope === "user" ? "--user-unit" : "--unit", SERVICE_NAME],
    ...["--lines", LOG_LINES, ...args],
  ];
  const path = unitPath(scope, configFolder);
  const secrets = secretFile(service, path.replace(/\.service$/, ".env"));
  return {
    file: { path, text: unit(service, secrets) },
    secretFile: secrets,
    encoding: "utf-8",
    install: [
      { command: systemctl("daemon-reload") },
      { command: systemctl("enable", SERVICE_NAME) },
      ...(scope === "user" ? [LINGER] : []),
      // It counts as started when it is ready, which may take as long as the backend is away.
      { command: systemctl("restart", "--no-block", SERVICE_NAME) },
    ],
    uninstall: [{ command: systemctl("disable", "--now", SERVICE_NAME) }],
    removed: [{ command: systemctl("daemon-reload") }],
    status: systemctl("status", "--no-pager", SERVICE_NAME),
    logs: journalctl("--no-pager"),
    follow: journalctl("--follow"),
    start: [{ command: systemctl("start", "--no-block", SERVICE_NAME) }],
    stop: [{ command: systemctl("stop", SERVICE_NAME) }],
    restart: scope === "system" && user !== "root"
      ? ["sudo", ...systemctl("restart", SERVICE_NAME)]
      : systemctl("restart", SERVICE_NAME),
  };
}

const LINGER = {
  command: ["loginctl", "enable-linger"],
  otherwise: "the service and its work will end when you log out; " +
    "an administrator can change that with loginctl enable-linger <you>",
} as const;

function unitPath(scope: Scope, configFolder: string): string {
  const folder = scope === "system" ? "/etc/systemd/system" : `${configFolder}/systemd/user`;
  return `${folder}/${SERVICE_NAME}.service`;
}

const INSTALLED = `# Written by "${SERVICE_NAME} service install", which overwrites it.
# Put additions into a file of their own: "systemctl edit ${SERVICE_NAME}".`;

/** The unit file, under the lines of `comment`. */
export function unit(
  service: Service,
  secrets?: ServicePlan["secretFile"],
  comment: string = INSTALLED,
): string {
  const { scope, command: [program, ...args], environment, stopSeconds } = service;
  const words = [
    quote(executable(program)),
    ...args.map((word) => quote(word.replaceAll("$", "$$$$"))),
  ];
  return `${comment}

[Unit]
Description=Cyberwave Cloud Node
${scope === "system" ? "Wants=network-online.target\nAfter=network-online.target\n" : ""}
[Service]
Type=notify
# The node notifies systemd through a child, systemd-notify.
NotifyAccess=all
ExecStart=${words.join(" ")}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory=${pathToEndOfLine(service.workFolder)}
${ownership(service)}${environmentLines(environment)}${secretLine(secrets)}
# Starting takes as long as the install script runs or the backend cannot be reached.
TimeoutStartSec=infinity
TimeoutStopSec=${stopSeconds}
# The journal survives SIGKILL, and a core dump of a node that hangs is of no use.
WatchdogSec=${WATCHDOG_SECONDS}
WatchdogSignal=SIGKILL

Restart=on-failure
RestartSec=10
# 2, a wrong configuration, and 3, a rejected token, need somebody to fix them. 5, another node has
# the state folder, does not: that one may be about to stop.
RestartPreventExitStatus=2 3

# Workloads outlive the node: the next one finds them again. One that runs out of memory ends alone.
KillMode=process
OOMPolicy=continue

LimitNOFILE=65536:524288
TasksMax=infinity
${scope === "system" ? HARDENING : ""}
[Install]
WantedBy=${scope === "system" ? "multi-user.target" : "default.target"}
`;
}

/**
 * What drivers that are loaded on first use and `sudo apt-get` in an install script can do without.
 * Most of what systemd has beyond implies NoNewPrivileges, which takes both away.
 */
const HARDENING = `
# Not NoNewPrivileges or what implies it: nvidia-modprobe and sudo would fail.
CapabilityBoundingSet=~CAP_SYS_BOOT CAP_SYS_TIME CAP_WAKE_ALARM CAP_MAC_ADMIN CAP_MAC_OVERRIDE
KeyringMode=private
`;

function ownership({ scope, user, stateFolder }: Service): string {
  if (scope === "user") return "";
  // systemd then makes the folder and gives it to the user, who may not write beside it.
  const [, below] = /^\/var\/lib\/(\w[\w.-]*(?:\/\w[\w.-]*)*)$/.exec(stateFolder ?? "") ?? [];
  const state = below === undefined ? "" : `StateDirectory=${below}\nStateDirectoryMode=0700\n`;
  return `${user === undefined ? "" : `User=${user}\n`}${state}`;
}

function environmentLines(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => `Environment=${quote(`${name}=${value}`)}\n`)
    .join("");
}

function secretLine(file: ServicePlan["secretFile"] | undefined): string {
  if (file?.text === undefined) return "";
  return `# Only this file's user can read it, while a unit can be read by all.
EnvironmentFile=${pathToEndOfLine(file.path)}
`;
}

/** `text` as one word, as systemd takes them apart. */
function quote(text: string): string {
  const word = text.replaceAll("%", "%%");
  if (/^[\w@%+=:,./$-]+$/.test(word)) return word;
  // deno-lint-ignore no-control-regex
  return `"${word.replaceAll(/[\\"\x00-\x1f\x7f]/g, escapeCharacter)}"`;
}

function escapeCharacter(char: string): string {
  if (char === "\\" || char === '"') return `\\${char}`;
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

/** The path of a program, in which systemd takes neither quotes nor backslashes, however escaped. */
function executable(path: string): string {
  // deno-lint-ignore no-control-regex
  if (!/[\x00-\x1f\x7f\\"']/.test(path)) return path;
  throw new ConfigError(`systemd cannot start the program ${quoted(path)}`, {
    hint: "Its path must hold no quotes, backslashes or control characters",
  });
}

/** A path where systemd knows no quotes. */
function pathToEndOfLine(path: string): string {
  // deno-lint-ignore no-control-regex
  if (!/[\x00-\x1f]|[\\\s]$/.test(path)) return path.replaceAll("%", "%%");
  throw new ConfigError(`systemd cannot start a service in the folder ${quoted(path)}`, {
    hint: "Its name must not end in a space or a backslash, nor hold control characters",
  });
}
