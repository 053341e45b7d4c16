/**
 * Markdown of a transcript as HTML that can only show text: raw HTML is escaped, images become their description,
 * links go only to http and https and open elsewhere.
 */
import MarkdownIt from "markdown-it";
import { visible } from "./visible.ts";

const markdown = new MarkdownIt({ html: false, linkify: false, typographer: false });

markdown.validateLink = (url) => /^https?:\/\//i.test(url.trim());

const openLink = markdown.renderer.rules.link_open;
markdown.renderer.rules.link_open = (tokens, index, options, env, self) => {
  tokens[index]?.attrSet("target", "_blank");
  tokens[index]?.attrSet("rel", "noopener noreferrer");
  tokens[index]?.attrSet("title", tokens[index]?.attrGet("href") ?? "");
  return openLink?.(tokens, index, options, env, self) ?? self.renderToken(tokens, index, options);
};

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
