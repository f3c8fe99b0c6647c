/** Colours of the page for what is painted on a canvas, which does not know custom properties. */

export function colourOf(name: string): string {
  const probe = document.createElement("span");
  document.body.append(probe);
  // A custom property is handed out as it is written; only a colour that is used is worked out.
  probe.style.color = `var(--${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
