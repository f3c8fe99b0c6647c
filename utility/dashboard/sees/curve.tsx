/** A picture of shares on a line: its shape is made up, since the real one wraps around a field of 2^61 numbers. */
import type { ReactNode } from "react";

export function Curve({ n }: { readonly n: number }): ReactNode {
  const at = (x: number): number => 58 - (x / n) * 40;
  const place = (x: number): number => 14 + (x / n) * 150;
  return (
    <svg className="curve" viewBox="0 0 180 78" role="img" aria-label={`The reading and ${n} shares on one line`}>
      <path d={`M8 ${at(-0.12)} L172 ${at(n + 0.16)}`} stroke="var(--line-strong)" strokeWidth="1.5" />
      <circle cx={place(0)} cy={at(0)} r="5" fill="var(--series-1)" />
      <text x={place(0) - 4} y={at(0) + 18}>
        reading
      </text>
      {Array.from({ length: n }, (_, i) => i + 1).map((x) => (
        <g key={x}>
          <rect x={place(x) - 4.5} y={at(x) - 4.5} width="9" height="9" fill="var(--series-2)" />
          <text x={place(x)} y={at(x) + 18} textAnchor="middle">
            a-{x}
          </text>
        </g>
      ))}
    </svg>
  );
}
