/** The site of the documentation: the pages as they lie in the repository, with a map and a search over them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { defineConfig, type MarkdownRenderer } from "vitepress";
import { guide } from "./guide.ts";

const ROOT = join(import.meta.dirname, "../../..");
/** What `stage.mjs` has copied. */
const STAGED = join(import.meta.dirname, "../pages");
const DECISIONS = "docs/decisions";

/** Titles as the pages have them: "# 17. Other brokers get the same rules as lists". */
const decisions = readdirSync(join(ROOT, DECISIONS)).map((file) => ({
  text: readFileSync(join(ROOT, DECISIONS, file), "utf8")
    .split("\n", 1)[0]!
    .replace(/^# /, ""),
  file: `${DECISIONS}/${file}`,
}));

/** What is linked and is no page (a source, a folder) is set off, not linked: here it would lead nowhere. */
function nameFiles(md: MarkdownRenderer): void {
  md.core.ruler.push("name-files", ({ tokens, env }) => {
    const { path } = env as { path: string };
    for (const { children } of tokens) {
      let inside = false;
      for (const token of children ?? []) {
        const target = token.attrGet("href")?.split("#")[0] ?? "";
        if (token.type === "link_open" && isOtherFile(path, target)) inside = true;
        if (!inside) continue;
        if (token.type === "link_open") Object.assign(token, { type: "em_open", tag: "em", attrs: null });
        if (token.type !== "link_close") continue;
        Object.assign(token, { type: "em_close", tag: "em" });
        inside = false;
      }
    }
  });
}

function isOtherFile(page: string, target: string): boolean {
  if (target === "" || /^[a-z]+:/.test(target) || target.endsWith(".md")) return false;
  return existsSync(join(ROOT, relative(STAGED, dirname(page)), target));
}

export default defineConfig({
  title: "Wattveil",
  description: "Private smart metering: nobody can read a reading; bills and feeder loads still come out right.",
  lang: "en",
  srcDir: STAGED,
  outDir: join(ROOT, "results/docs-site"),
  rewrites: { "README.md": "index.md" },
  cleanUrls: true,
  themeConfig: {
    search: { provider: "local" },
    outline: { level: [2, 3] },
    nav: [
      { text: "Tutorial", link: "/docs/tutorial" },
      { text: "Concepts", link: "/docs/concepts" },
      { text: "Security", link: "/docs/threat-model" },
    ],
    sidebar: [...guide, { title: "Decisions", pages: decisions }].map(({ title, pages }) => ({
      text: title,
      collapsed: title === "Decisions",
      items: pages.map(({ text, file }) => ({
        text,
        link: file === "README.md" ? "/" : `/${file.replace(/\.md$/, "")}`,
      })),
    })),
  },
  // Angle brackets and braces in a page are text.
  markdown: { html: false, attrs: { disable: true }, config: nameFiles },
});
