/**
 * The service on Windows: a task of the Task Scheduler, for what runs as a service of Windows must
 * speak the protocol of its service manager, which Deno does not. Pure.
 *
 * @module
 */
import { ConfigError, quoted } from "../errors.ts";
import {
  LOG_LINES,
  secretFile,
  type Service,
  SERVICE_NAME,
  type ServicePlan,
  withEnvFile,
} from "./service_manager.ts";
import { escapeXml } from "./xml.ts";

/** The service as a task, which begins with the computer or when its user logs on. */
export function taskPlan(service: Service): ServicePlan {
  const path = `${service.home}\\.cyberwave\\${SERVICE_NAME}.xml`;
  const secrets = secretFile(service, path.replace(/xml$/, "env"));
  const show = (...more: string[]): [string, ...string[]] => [
    ...["powershell", "-NoProfile", "-Command"] as const,
    `Get-Content -Tail ${LOG_LINES} ${more.join(" ")} -LiteralPath '${
      logFile(service).replaceAll("'", "''")
    }'`,
  ];
  const run: [string, ...string[]] = ["schtasks", "/Run", "/TN", SERVICE_NAME];
  const end: [string, ...string[]] = ["schtasks", "/End", "/TN", SERVICE_NAME];
  return {
    file: { path, text: task(service, secrets) },
    secretFile: secrets,
    encoding: "utf-16le",
    install: [
      { command: end, otherwise: "it was not installed before" },
      { command: ["schtasks", "/Create", "/F", "/TN", SERVICE_NAME, "/XML", path] },
      { command: run },
    ],
    uninstall: [
      { command: end, otherwise: "it was not running" },
      { command: ["schtasks", "/Delete", "/F", "/TN", SERVICE_NAME] },
    ],
    removed: [],
    status: ["schtasks", "/Query", "/V", "/FO", "LIST", "/TN", SERVICE_NAME],
    logs: show(),
    follow: show("-Wait"),
    start: [{ command: run }],
    stop: [{ command: end, otherwise: "it was not running" }],
    restart: run,
  };
}

function logFile({ home }: Service): string {
  return `${home}\\.cyberwave\\${SERVICE_NAME}.log`;
}

/** The task. */
export function task(service: Service, secrets: ServicePlan["secretFile"] = { path: "" }): string {
  const { scope, user, workFolder } = service;
  const [trigger, logon] = scope === "system"
    ? ["BootTrigger", "S4U"]
    : ["LogonTrigger", "InteractiveToken"];
  const account = user === undefined ? "" : `<UserId>${escapeXml(user)}</UserId>`;
  return `<?xml version="1.0"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Cyberwave Cloud Node</Description></RegistrationInfo>
  <Triggers><${trigger}><Enabled>true</Enabled></${trigger}></Triggers>
  <Principals>
    <Principal id="Author">${account}<LogonType>${logon}</LogonType></Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>cmd.exe</Command>
      <Arguments>${escapeXml(commandPrompt(service, secrets))}</Arguments>
      <WorkingDirectory>${escapeXml(workFolder)}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
`;
}

/**
 * The arguments of cmd.exe, which alone can send what a task prints into a file and give a task
 * variables of its own. PATH is the user's own already.
 */
function commandPrompt(service: Service, secrets: ServicePlan["secretFile"]): string {
  const words = withEnvFile(service.command, secrets).map((word) => quote(word)).join(" ");
  const variables = Object.entries(service.environment)
    .filter(([name]) => name !== "PATH")
    .map(([name, value]) => `set "${checked(`${name}=${value}`)}"&& `).join("");
  return `/d /s /c "${variables}${words} >> ${quote(logFile(service))} 2>&1"`;
}

/** Text that cmd.exe leaves as it is between double quotes. */
function checked(word: string): string {
  if (/["%\r\n]/.test(word)) {
    throw new ConfigError(`Windows cannot start a task with ${quoted(word)} in its command`, {
      hint: "Rename what has a quote or a percent sign in its name",
    });
  }
  return word;
}

function quote(word: string): string {
  checked(word);
  // A backslash before the closing quote would take away its meaning.
  return /^[\w@+=:,./\\-]+$/.test(word) ? word : `"${word.replace(/(\\+)$/, "$1$1")}"`;
}
