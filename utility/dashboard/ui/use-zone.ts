/** The system's time zone, in which its bills and days are; UTC until it is known. */
import { useQuery } from "@tanstack/react-query";
import { system } from "../api/queries.ts";

export function useZone(): string {
  return useQuery(system).data?.timezone ?? "UTC";
}
