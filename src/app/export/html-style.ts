/** How an exported page looks: light or dark as the reader's system is. */
export const STYLE = `:root {
  color-scheme: light dark;
  --bg: #fcfcfb; --panel: #f6f6f4; --hair: #e6e5e1; --text: #1d1d1b; --muted: #5d5c56;
  --prompt: #3552cc; --sub: #7340b0; --error: #b8232b;
  --add: #14623a; --add-bg: #e4f4e9; --del: #9c1f28; --del-bg: #fbe9e9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #161615; --panel: #1b1b1a; --hair: #2d2d2b; --text: #ebeae6; --muted: #aeaca4;
    --prompt: #93a9ff; --sub: #c4a0f5; --error: #ff8585;
    --add: #86dfab; --add-bg: #17301f; --del: #ffa3a3; --del-bg: #3a1d1f;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1rem 4rem; background: var(--bg); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: .8rem; font-weight: 600; color: var(--muted); margin: 2.5rem 0 .5rem; }
h3 { font-size: .75rem; font-weight: 600; color: var(--muted); margin: .75rem 0 .25rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0; font-size: .85rem; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 4; font: .85rem/1.5 ui-monospace, monospace; }
pre.prose { font: inherit; }
.prompt { border-left: 3px solid var(--prompt); background: var(--panel); padding: .6rem .9rem; margin: 0 0 1rem; }
.response { margin: .75rem 0; }
.error pre { color: var(--error); }
.gone { opacity: .55; }
.facts { color: var(--muted); font-size: .78rem; }
details { border: 1px solid var(--hair); border-radius: 6px; margin: .4rem 0; background: var(--panel); }
details > :not(summary) { margin-left: .8rem; margin-right: .8rem; }
details > :last-child:not(summary) { margin-bottom: .7rem; }
summary { cursor: pointer; padding: .35rem .8rem; overflow-wrap: anywhere; }
summary:focus-visible { outline: 2px solid var(--prompt); }
summary code { font: .82rem ui-monospace, monospace; }
.subagent { border-left: 3px solid var(--sub); }
.thinking { font-style: italic; color: var(--muted); }
.failed > summary b { color: var(--error); }
figure { margin: .6rem 0; border: 1px solid var(--hair); border-radius: 6px; overflow: hidden; background: var(--bg); }
figcaption { padding: .3rem .6rem; border-bottom: 1px solid var(--hair); font: .8rem ui-monospace, monospace; overflow-wrap: anywhere; }
figure pre { padding: .3rem 0; }
figure span { display: block; padding: 0 .6rem; }
figure .add { color: var(--add); background: var(--add-bg); }
figure .del { color: var(--del); background: var(--del-bg); }
figure .at { color: var(--muted); }
img { max-width: 100%; height: auto; margin: .5rem 0; }
@media print { details { break-inside: avoid; } }
`;
