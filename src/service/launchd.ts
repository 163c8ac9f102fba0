/**
 * The service under launchd, on macOS. Pure.
 *
 * @module
 */
import {
  LOG_LINES,
  secretFile,
  type Service,
  SERVICE_NAME,
  type ServicePlan,
  withEnvFile,
} from "./service_manager.ts";
import { escapeXml } from "./xml.ts";

const LABEL = `com.cyberwave.${SERVICE_NAME}`;

/** The service as a daemon of launchd, or an agent of the user with the id `uid`. */
export function launchdPlan(service: Service, uid: number): ServicePlan {
  const { scope, home } = service;
  const domain = scope === "system" ? "system" : `gui/${uid}`;
  const folder = scope === "system" ? "/Library/LaunchDaemons" : `${home}/Library/LaunchAgents`;
  const path = `${folder}/${LABEL}.plist`;
  const log = logFile(service);
  const secrets = secretFile(service, `${home}/.cyberwave/${SERVICE_NAME}.env`);
  const bootout: [string, ...string[]] = ["launchctl", "bootout", `${domain}/${LABEL}`];
  return {
    file: { path, text: plist(service, secrets) },
    secretFile: secrets,
    encoding: "utf-8",
    install: [
      // The file was made by who installs the service, and is read by who runs it.
      ...(service.user !== undefined && secrets.text !== undefined
        ? [{ command: ["chown", service.user, secrets.path] as [string, ...string[]] }]
        : []),
      { command: bootout, otherwise: "it was not installed before" },
      { command: ["launchctl", "bootstrap", domain, path] },
    ],
    uninstall: [{ command: bootout, otherwise: "it was not running" }],
    removed: [],
    status: ["launchctl", "print", `${domain}/${LABEL}`],
    logs: ["tail", "-n", LOG_LINES, log],
    follow: ["tail", "-n", LOG_LINES, "-F", log],
    // One that was stopped is no longer loaded, and one that is loaded cannot be loaded again.
    start: [
      { command: ["launchctl", "bootstrap", domain, path], otherwise: "it is loaded already" },
      { command: ["launchctl", "kickstart", `${domain}/${LABEL}`] },
    ],
    stop: [{ command: bootout, otherwise: "it was not running" }],
    restart: [
      ...(scope === "system" ? ["sudo"] as const : []),
      ...["launchctl", "kickstart", "-k", `${domain}/${LABEL}`],
    ] as [string, ...string[]],
  };
}

function logFile({ home }: Service): string {
  return `${home}/Library/Logs/${SERVICE_NAME}.log`;
}

/** The property list. */
export function plist(service: Service, secrets: ServicePlan["secretFile"] = { path: "" }): string {
  const command = withEnvFile(service.command, secrets);
  const { workFolder, user, environment, stopSeconds } = service;
  const log = string(logFile(service));
  const variables = Object.entries(environment)
    .map(([name, value]) => `\n    ${key(name)}${string(value)}`).join("");
  const entries: (readonly [string, string])[] = [
    ["Label", string(LABEL)],
    [
      "ProgramArguments",
      `<array>${command.map((word) => `\n    ${string(word)}`).join("")}
  </array>`,
    ],
    ["WorkingDirectory", string(workFolder)],
    ...(user === undefined ? [] : [["UserName", string(user)] as const]),
    ["EnvironmentVariables", `<dict>${variables}\n  </dict>`],
    ["RunAtLoad", "<true/>"],
    // To launchd a wrong configuration (2) or a rejected token (3) looks like a crash.
    ["KeepAlive", `<dict>\n    ${key("SuccessfulExit")}<false/>\n  </dict>`],
    ["ThrottleInterval", "<integer>30</integer>"],
    ["ExitTimeOut", `<integer>${stopSeconds}</integer>`],
    // Workloads outlive the node: the next one finds them again.
    ["AbandonProcessGroup", "<true/>"],
    [
      "SoftResourceLimits",
      `<dict>\n    ${key("NumberOfFiles")}<integer>65536</integer>\n  </dict>`,
    ],
    ["StandardOutPath", log],
    ["StandardErrorPath", log],
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
${entries.map(([name, value]) => `  ${key(name)}${value}`).join("\n")}
</dict>
</plist>
`;
}

function key(name: string): string {
  return `<key>${escapeXml(name)}</key>`;
}

function string(value: string): string {
  return `<string>${escapeXml(value)}</string>`;
}
