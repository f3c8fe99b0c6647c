/** The frame: navigation at the side (a drawer on a phone), and the bar with what holds for all pages. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { health, openAlerts, system } from "../api/queries.ts";
import { useSession } from "../api/session.tsx";
import { liveWord } from "../live/live-word.ts";
import { useLive } from "../live/live.tsx";
import { waiting } from "../parts/alert-groups.ts";
import { type PageRoute, ROUTES } from "../routes.tsx";
import { Icon, type IconName, Logo } from "./icon.tsx";
import { Badge, Button } from "./parts.tsx";
import { applyTheme, type Theme, THEMES, useTheme } from "./theme.ts";

const GROUPS: readonly PageRoute["group"][] = ["Start", "Grid", "Privacy", "System"];

const THEME_ICONS: Record<Theme, IconName> = { system: "screen", light: "sun", dark: "moon" };

export function Shell({ children }: { readonly children: ReactNode }): ReactNode {
  const [open, setOpen] = useState(false);
  const [location] = useLocation();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);

  useEffect(() => {
    setOpen(false);
    // A page that comes is read from its beginning, by eyes and by screen readers.
    if (!first.current) {
      scrollTo(0, 0);
      main.current?.focus();
    }
    first.current = false;
  }, [location]);

  useEffect(() => {
    const close = (event: KeyboardEvent): void => {
      if (event.key === "Escape") setOpen(false);
    };
    addEventListener("keydown", close);
    return () => removeEventListener("keydown", close);
  }, []);

  return (
    <div className="shell" data-menu={open ? "open" : "closed"}>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <Side location={location} />
      <div onClick={open ? () => setOpen(false) : undefined}>
        <Bar open={open} onMenu={() => setOpen(!open)} />
        <main id="main" tabIndex={-1} ref={main}>
          {children}
        </main>
      </div>
    </div>
  );
}

function Side({ location }: { readonly location: string }): ReactNode {
  const { me } = useSession();
  const offered = ROUTES.filter(({ roles }) => roles.includes(me.role));
  const isHere = (path: string): boolean => (path === "/" ? location === "/" : location.startsWith(path));
  return (
    <nav className="side" aria-label="Pages">
      <div className="brand">
        <Logo />
        Wattveil
      </div>
      {GROUPS.map((group) => {
        const pages = offered.filter((page) => page.group === group);
        if (pages.length === 0) return null;
        return (
          <div key={group}>
            <h2 id={`group-${group}`} className={group === "Start" ? "hidden-visually" : undefined}>
              {group}
            </h2>
            <ul aria-labelledby={`group-${group}`}>
              {pages.map(({ path, title, icon }) => (
                <li key={path}>
                  <Link href={path} aria-current={isHere(path) ? "page" : undefined}>
                    <Icon name={icon} />
                    {title}
                    {path === "/alerts" && <AlertCount />}
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        );
      })}
      <p className="side-foot">
        <a href="/docs">HTTP interface</a>
      </p>
    </nav>
  );
}

/** Of alerts that wait for somebody, on every page. */
function AlertCount(): ReactNode {
  const { data } = useQuery(openAlerts);
  const { count, severity } = waiting(data?.items ?? []);
  if (count === 0) return null;
  return (
    <span className={`side-count ${severity === "critical" ? "bad" : "warn"}`}>
      {count}
      <span className="hidden-visually"> firing{severity === "critical" ? ", some critical" : ""}</span>
    </span>
  );
}

interface BarProps {
  readonly open: boolean;
  readonly onMenu: () => void;
}

function Bar({ open, onMenu }: BarProps): ReactNode {
  const { me, signOut } = useSession();
  const { status } = useLive();
  const { data } = useQuery(system);
  const { tone, word, title } = liveWord(status, useQuery(health).data?.parts.broker);
  return (
    <header className="bar">
      <span className="bar-menu">
        <Button kind="plain" size="square" label="Menu" expanded={open} onClick={onMenu}>
          <Icon name="menu" size={20} />
        </Button>
      </span>
      <Badge tone={tone} title={title}>
        {word}
      </Badge>
      {data?.simulated === true && (
        <Badge tone="info" icon="flask" title="Households and time are simulated: no figure is of a real home">
          Simulated
        </Badge>
      )}
      <span className="grow" />
      <ThemeButton />
      <span className="bar-account">
        <span className="bar-role">
          {me.name} <span className="muted">({me.role})</span>
        </span>
        <Button kind="plain" size="square" label={`Sign out ${me.name}`} onClick={() => void signOut()}>
          <Icon name="out" />
        </Button>
      </span>
    </header>
  );
}

function ThemeButton(): ReactNode {
  const theme = useTheme();
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  return (
    <Button
      kind="plain"
      size="square"
      label={`Colours: ${theme === "system" ? "as the device has them" : theme}`}
      onClick={() => applyTheme(next)}
    >
      <Icon name={THEME_ICONS[theme]} />
    </Button>
  );
}
