/** The parts that pages are made of: a page's head, cards, figures, badges, notices, empty states. */
import { type ReactNode, useEffect, useId } from "react";
import { Icon, type IconName } from "./icon.tsx";

export type Tone = "plain" | "good" | "warn" | "bad" | "info";

const TONE_ICONS: Record<Tone, IconName> = {
  plain: "dot",
  good: "check",
  warn: "warning",
  bad: "cross",
  info: "info",
};

export interface PageProps {
  readonly title: string;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** A page: its title is the document's, and is told to screen readers when it comes. */
export function Page({ title, lead, actions, children }: PageProps): ReactNode {
  useEffect(() => {
    document.title = `${title} · Wattveil`;
  }, [title]);
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1 tabIndex={-1} id="page-title">
            {title}
          </h1>
          {lead !== undefined && <p>{lead}</p>}
        </div>
        {actions !== undefined && <div className="actions">{actions}</div>}
      </div>
      {children}
    </div>
  );
}

export interface CardProps {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly note?: ReactNode;
  readonly className?: string;
  readonly children: ReactNode;
}

export function Card({ title, aside, note, className = "", children }: CardProps): ReactNode {
  const id = useId();
  return (
    <section className={`card ${className}`} aria-labelledby={id}>
      <div className="card-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {note !== undefined && <p className="card-note">{note}</p>}
      {children}
    </section>
  );
}

export interface StatProps {
  readonly label: string;
  readonly value: string;
  readonly unit?: string;
  readonly note?: ReactNode;
  /** `bad`: something is wrong with it. */
  readonly tone?: "bad";
  /** For tests that watch a value. */
  readonly name?: string;
}

export function Stat({ label, value, unit, note, tone, name }: StatProps): ReactNode {
  return (
    <div className="stat" data-stat={name}>
      <dt>
        {label}
        {tone === "bad" && <Icon name="warning" size={14} />}
      </dt>
      <dd className={`value${tone === undefined ? "" : ` ${tone}`}`}>
        {value}
        {unit !== undefined && <span className="unit">{unit}</span>}
      </dd>
      {note !== undefined && <dd className="note">{note}</dd>}
    </div>
  );
}

export function Stats({ label, children }: { readonly label: string; readonly children: ReactNode }): ReactNode {
  return (
    <dl className="stats" aria-label={label}>
      {children}
    </dl>
  );
}

export interface BadgeProps {
  readonly tone?: Tone;
  readonly icon?: IconName;
  readonly title?: string;
  readonly children: ReactNode;
}

/** A word with a sign beside it: its colour says nothing that these do not. */
export function Badge({ tone = "plain", icon, title, children }: BadgeProps): ReactNode {
  return (
    <span className={`badge ${tone}`} title={title}>
      <Icon name={icon ?? TONE_ICONS[tone]} size={14} />
      {children}
    </span>
  );
}

export function Notice({
  tone = "plain",
  children,
}: {
  readonly tone?: Tone;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <Icon name={tone === "plain" ? "info" : TONE_ICONS[tone]} />
      <div>{children}</div>
    </div>
  );
}

/** What is missing, and how one gets it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children !== undefined && <div>{children}</div>}
    </div>
  );
}

export interface ButtonProps {
  readonly children: ReactNode;
  readonly onClick?: () => void;
  readonly kind?: "primary" | "plain" | "normal";
  readonly size?: "small" | "square" | "normal";
  readonly type?: "button" | "submit";
  readonly disabled?: boolean;
  readonly label?: string;
  readonly pressed?: boolean;
  readonly expanded?: boolean;
}

export function Button({
  children,
  onClick,
  kind = "normal",
  size = "normal",
  type = "button",
  ...more
}: ButtonProps): ReactNode {
  const { disabled = false, label, pressed, expanded } = more;
  return (
    <button
      className={`button ${kind} ${size}`}
      type={type}
      onClick={onClick}
      disabled={disabled}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      aria-expanded={expanded}
    >
      {children}
    </button>
  );
}
