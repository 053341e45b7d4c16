import type { JSX } from "solid-js";

/** 16 × 16, drawn with strokes of the text's colour. */
const PATHS = {
  sessions: "M3 4h10M3 8h10M3 12h6",
  decisions: "M8 2.5v4M8 6.500 4.500 10v3.500M8 6.500 11.500 10v3.500",
  usage: "M3 13V9M6.500 13V4M10 13V7M13.500 13h-11.500",
  team: "M6 7.500a2.300 2.300 0 1 0 0-4.600 2.300 2.300 0 0 0 0 4.600ZM1.800 13c.4-2.400 2.100-3.500 4.200-3.500s3.800 1.100 4.200 3.500M10.800 3.200a2.200 2.200 0 0 1 0 4.100M12 9.800c1.300.4 2.100 1.500 2.400 3.200",
  privacy: "M3.500 7h9v6.500h-9zM5.500 7V5a2.500 2.500 0 0 1 5 0v2",
  settings: "M2.500 5h6M11.500 5h2M2.500 11h2M7.500 11h6M10 3.500v3M6 9.500v3",
  search: "M7 11.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9ZM10.300 10.300 13.500 13.500",
  close: "M4.500 4.500l7 7M11.500 4.500l-7 7",
  chevron: "M6 4l4 4-4 4",
  back: "M10 3.500 5.500 8l4.500 4.500",
  plus: "M8 3.500v9M3.500 8h9",
  minus: "M3.500 8h9",
  link: "M6.700 9.300a2.500 2.500 0 0 0 3.600 0l2-2a2.500 2.500 0 0 0-3.600-3.600l-.8.8M9.300 6.700a2.500 2.500 0 0 0-3.600 0l-2 2a2.500 2.500 0 0 0 3.600 3.600l.8-.8",
  filter: "M2.500 4h11M4.500 8h7M6.500 12h3",
  columns: "M2.500 3.500h11v9h-11zM6.200 3.500v9M9.800 3.500v9",
  read: "M3 4h10M3 7h10M3 10h7M3 13h5",
  edit: "M10.500 3.200l2.300 2.300-7 7-3 .7.7-3zM9 4.700 11.300 7",
  run: "M3.500 4.500 7 8l-3.500 3.500M8.500 12h4",
  find: "M7 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM10 10l3 3",
  web: "M8 13.500a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11ZM2.500 8h11M8 2.500c3 3 3 8 0 11M8 2.500c-3 3-3 8 0 11",
  todo: "M3 4.700l1 1 1.800-2M3 11l1 1 1.800-2M8.500 5H13M8.500 11.300H13",
  plan: "M4 2.500h8v11H4zM6.200 5.500h3.600M6.200 8h3.600M6.200 10.500h2",
  tool: "M8 4.500 11.500 8 8 11.500 4.500 8z",
  subagent: "M8 2.500 13.500 8 8 13.500 2.500 8zM8 6v4M6 8h4",
  response: "M8 10.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z",
  prompt: "M6 3.500v9",
  error: "M8 3 14 13H2zM8 7v2.800M8 11.300v.2",
  compaction:
    "M3 3.500h10M3 12.500h10M8 5v2M8 11V9M6.500 6.200 8 7.500l1.500-1.300M6.500 9.800 8 8.500l1.500 1.300",
  permission:
    "M8 2.500 13 4.500v3.700c0 2.800-2 4.600-5 5.600-3-1-5-2.800-5-5.600V4.500zM6 8l1.500 1.500L10.300 6.500",
  mode: "M3.500 5h9M3.500 11h9M6 3.200v3.600M10 9.200v3.600",
  lock: "M4 7.200h8v5.800H4zM5.800 7.200V5.400a2.200 2.200 0 0 1 4.400 0v1.800",
  thinking:
    "M4 9.500a3 3 0 0 1 1-5.700 3.300 3.300 0 0 1 6.200.9A2.700 2.700 0 0 1 11 10H5M5.500 12.700v.1M8 12.200v.1",
  fork: "M5 3v10M5 8c0-2.500 6-1 6-4.500M11 3v.5",
  image: "M2.500 3.500h11v9h-11zM2.500 10.500 6 7.500l3 2.500 2-1.500 2.500 2M10 6.200v.1",
  down: "M8 3.500v9M4.500 9 8 12.500 11.500 9",
  check: "M3.500 8.500 6.500 11.500 12.500 5",
  help: "M6 6.200A2 2 0 1 1 8.600 8c-.5.3-.6.6-.6 1.200M8 11.800v.1",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon(props: {
  readonly name: IconName;
  readonly label?: string;
  readonly class?: string;
}): JSX.Element {
  return (
    <svg
      class={`icon ${props.class ?? ""}`}
      viewBox="0 0 16 16"
      role={props.label === undefined ? undefined : "img"}
      aria-label={props.label}
      aria-hidden={props.label === undefined ? "true" : undefined}
    >
      {props.label !== undefined && <title>{props.label}</title>}
      <path d={PATHS[props.name]} />
    </svg>
  );
}
