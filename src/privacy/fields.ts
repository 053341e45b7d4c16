/**
 * Which tools are named, and which fields of their inputs may leave. A field that is not here does not.
 *
 * `[name, rule]`: under which name it is shared (so that both agents' tools read alike) and by which rule.
 */

export type Rule =
  | "path"
  /** The files named in the headers of an `apply_patch` text. */
  | "patchedPaths"
  | "glob"
  | "pattern"
  | "firstWord"
  | "number"
  | "switch"
  /** One of these words. */
  | readonly string[];

export type ToolFields = Readonly<Record<string, readonly [name: string, rule: Rule]>>;

const MCP_TOOL = "mcp";
const OTHER_TOOL = "other";

/** The fields of a tool by its name; null for a tool that is not named. */
export function fieldsOf(tool: string): ToolFields | null {
  return Object.hasOwn(TOOLS, tool) ? (TOOLS[tool] as ToolFields) : null;
}

export function toolName(tool: string): string {
  if (fieldsOf(tool) !== null) return tool;
  return tool.startsWith("mcp__") ? MCP_TOOL : OTHER_TOOL;
}

const NONE: ToolFields = {};
const FILE: ToolFields = { file_path: ["path", "path"] };
const SLICE: ToolFields = { offset: ["offset", "number"], limit: ["limit", "number"] };
const CODEX_RUN: ToolFields = {
  yield_time_ms: ["waitMs", "number"],
  max_output_tokens: ["maxOutputTokens", "number"],
};
const BACKGROUND: ToolFields = { run_in_background: ["background", "switch"] };
const SUBAGENT: ToolFields = {
  ...BACKGROUND,
  subagent_type: [
    "agent",
    [
      "general-purpose",
      "Explore",
      "Plan",
      "statusline-setup",
      "output-style-setup",
      "claude-code-guide",
    ],
  ],
  model: ["model", ["sonnet", "opus", "haiku", "inherit"]],
};
const CODEX_SHELL: ToolFields = {
  command: ["command", "firstWord"],
  timeout_ms: ["timeoutMs", "number"],
};

/** Tools that the agents ship themselves. */
const TOOLS: Readonly<Record<string, ToolFields>> = {
  // Claude Code
  Bash: { ...BACKGROUND, command: ["command", "firstWord"], timeout: ["timeoutMs", "number"] },
  BashOutput: NONE,
  KillBash: NONE,
  KillShell: NONE,
  Read: { ...FILE, ...SLICE },
  Edit: { ...FILE, replace_all: ["all", "switch"] },
  MultiEdit: FILE,
  Write: FILE,
  NotebookRead: { notebook_path: ["path", "path"] },
  NotebookEdit: {
    notebook_path: ["path", "path"],
    edit_mode: ["mode", ["replace", "insert", "delete"]],
  },
  LS: { path: ["path", "path"] },
  Glob: { pattern: ["glob", "glob"], path: ["path", "path"] },
  Grep: {
    pattern: ["pattern", "pattern"],
    path: ["path", "path"],
    glob: ["glob", "glob"],
    output_mode: ["mode", ["content", "files_with_matches", "count"]],
    "-A": ["after", "number"],
    "-B": ["before", "number"],
    "-C": ["context", "number"],
    context: ["context", "number"],
    "-n": ["lineNumbers", "switch"],
    "-i": ["ignoreCase", "switch"],
    multiline: ["multiline", "switch"],
    head_limit: ["limit", "number"],
    offset: ["offset", "number"],
  },
  Task: SUBAGENT,
  Agent: SUBAGENT,
  TaskCreate: NONE,
  TaskGet: NONE,
  TaskList: NONE,
  TaskUpdate: { status: ["status", ["pending", "in_progress", "completed", "deleted"]] },
  TaskOutput: { block: ["block", "switch"], timeout: ["timeoutMs", "number"] },
  TaskStop: NONE,
  TodoRead: NONE,
  TodoWrite: NONE,
  AskUserQuestion: NONE,
  EnterPlanMode: NONE,
  ExitPlanMode: NONE,
  EnterWorktree: NONE,
  ExitWorktree: NONE,
  Skill: NONE,
  SlashCommand: NONE,
  ToolSearch: NONE,
  WebFetch: NONE,
  WebSearch: NONE,
  LSP: NONE,
  SendMessage: NONE,
  ListMcpResourcesTool: NONE,
  ReadMcpResourceTool: NONE,
  // Codex
  shell: CODEX_SHELL,
  shell_command: CODEX_SHELL,
  local_shell: CODEX_SHELL,
  exec_command: { ...CODEX_RUN, cmd: ["command", "firstWord"], tty: ["tty", "switch"] },
  write_stdin: CODEX_RUN,
  apply_patch: { input: ["paths", "patchedPaths"], patch: ["paths", "patchedPaths"] },
  read_file: { ...FILE, ...SLICE },
  list_dir: { ...SLICE, dir_path: ["path", "path"], depth: ["depth", "number"] },
  grep_files: {
    pattern: ["pattern", "pattern"],
    include: ["glob", "glob"],
    path: ["path", "path"],
    limit: ["limit", "number"],
  },
  view_image: { path: ["path", "path"] },
  update_plan: NONE,
  request_user_input: NONE,
  spawn_agent: NONE,
  send_input: NONE,
  resume_agent: NONE,
  wait: NONE,
  wait_agent: NONE,
  close_agent: NONE,
  web_search: NONE,
  tool_search: NONE,
  list_mcp_resources: NONE,
  list_mcp_resource_templates: NONE,
  read_mcp_resource: NONE,
};
