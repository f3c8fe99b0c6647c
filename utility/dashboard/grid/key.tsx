/** What the signs of the map mean. */
import type { ReactNode } from "react";

function Sign({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <svg width="26" height="16" viewBox="0 0 26 16" aria-hidden="true">
      {children}
    </svg>
  );
}

const DISCS: readonly (readonly [string, string, boolean])[] = [
  ["series-3", "Voltage as it should be", false],
  ["series-2", "Low; ringed: below its limit", true],
  ["series-4", "High; ringed: above its limit", true],
];

export interface MapKeyProps {
  readonly changes: boolean;
  readonly paths: boolean;
  readonly broken: boolean;
}

export function MapKey({ changes, paths, broken }: MapKeyProps): ReactNode {
  return (
    <ul className="key" aria-label="Signs of the map">
      {DISCS.map(([colour, text, ring]) => (
        <li key={text}>
          <Sign>
            <circle cx="13" cy="8" r="4.5" fill={`var(--${colour})`} />
            {ring && <circle cx="13" cy="8" r="7" fill="none" stroke={`var(--${colour})`} strokeWidth="1.4" />}
          </Sign>
          {text}
        </li>
      ))}
      <li>
        <Sign>
          <circle cx="13" cy="8" r="5" fill="var(--surface)" stroke="var(--bad)" strokeWidth="2" />
          <path d="M10.5 5.5l5 5M15.5 5.5l-5 5" stroke="var(--bad)" strokeWidth="1.6" />
        </Sign>
        No supply
      </li>
      <li>
        <Sign>
          <rect x="7.5" y="2.5" width="11" height="11" fill="var(--series-3)" />
        </Sign>
        Supply
      </li>
      <li>
        <Sign>
          <path d="M1 8h24" stroke="var(--muted)" strokeWidth="2.5" />
          <path d="M17 8l-6 4V4z" fill="var(--text)" />
        </Sign>
        Power flows this way; thicker: closer to its rating
      </li>
      <li>
        <Sign>
          <path d="M1 8h24" stroke="var(--warn)" strokeWidth="4" />
        </Sign>
        Above 80 %
      </li>
      <li>
        <Sign>
          <path d="M1 8h24" stroke="var(--bad)" strokeWidth="5" />
        </Sign>
        Above its rating
      </li>
      <li>
        <Sign>
          <path d="M1 8h24" stroke="var(--line-strong)" strokeWidth="1.5" strokeDasharray="4 5" />
        </Sign>
        Open switch
      </li>
      {broken && (
        <li>
          <Sign>
            <path d="M1 8h24" stroke="var(--bad)" strokeWidth="1.5" strokeDasharray="4 5" />
          </Sign>
          Open, out of order
        </li>
      )}
      {changes && (
        <li>
          <svg width="44" height="18" viewBox="0 0 44 18" aria-hidden="true">
            <g fill="var(--surface)" stroke="var(--accent)" strokeWidth="2">
              <rect x="3" y="1" width="16" height="16" rx="3" />
              <rect x="25" y="1" width="16" height="16" rx="3" />
              <path d="M6.5 9l7-5M14.5 9h2M28.5 9h9" />
            </g>
          </svg>
          Proposed, with the line's number: open, close
        </li>
      )}
      {paths && (
        <li>
          <Sign>
            <path d="M1 8h24" stroke="var(--series-4)" strokeWidth="10" opacity="0.35" />
          </Sign>
          Path of supply
        </li>
      )}
    </ul>
  );
}
