/**
 * Markdown of a transcript as HTML that can only show text: raw HTML is escaped, images become their description,
 * links go only to http and https and open elsewhere. A link to a file of the agent's machine is its words, with the
 * path on hover.
 */
import MarkdownIt, { type Token } from "markdown-it";
import { visible } from "./visible.ts";

const markdown = new MarkdownIt({ html: false, linkify: false, typographer: false });

const isWeb = (url: string): boolean => /^https?:\/\//i.test(url.trim());
/** It names no scheme and no host. */
const isPath = (url: string): boolean => /^(?:(?:~|\.\.?)?\/(?!\/)|[a-z]:[\\/])/i.test(url.trim());

markdown.validateLink = (url) => isWeb(url) || isPath(url);

const openLink = markdown.renderer.rules.link_open;
markdown.renderer.rules.link_open = (tokens, index, options, env, self) => {
  const href = String(tokens[index]?.attrGet("href") ?? "");
  if (!isWeb(href)) return openPath(href, tokens.slice(index));
  tokens[index]?.attrSet("target", "_blank");
  tokens[index]?.attrSet("rel", "noopener noreferrer");
  tokens[index]?.attrSet("title", href);
  return openLink?.(tokens, index, options, env, self) ?? self.renderToken(tokens, index, options);
};

function openPath(href: string, rest: readonly Token[]): string {
  const close = rest.find(({ type }) => type === "link_close");
  if (close !== undefined) close.tag = "span";
  const path = markdown.utils.escapeHtml(markdown.normalizeLinkText(href));
  return `<span class="md-path" title="${path}">`;
}

markdown.renderer.rules.image = (tokens, index) => {
  const token = tokens[index];
  const words = token?.content ?? "";
  return `<span class="md-image">image${words === "" ? "" : `: ${markdown.utils.escapeHtml(words)}`}</span>`;
};

// A heading of a response must not stand among the headings of the page.
markdown.renderer.rules.heading_open = (tokens, index) =>
  `<p class="md-heading ${tokens[index]?.tag ?? ""}">`;
markdown.renderer.rules.heading_close = () => "</p>";
markdown.renderer.rules.table_open = () => `<div class="md-table"><table>`;
markdown.renderer.rules.table_close = () => "</table></div>";

export function renderMarkdown(text: string): string {
  return markdown.render(visible(text));
}
