/**
 * Who may ask for what. A customer sees bills of the own meters; an operator the grid, rounds and alerts, and no single bill;
 * an auditor may see all that is kept and changes nothing; an admin is an operator who manages accounts.
 */
import { z } from "zod";

export const ROLES = ["customer", "operator", "auditor", "admin"] as const;
export const roleSchema = z.enum(ROLES).meta({ id: "Role" });
export type ApiRole = z.infer<typeof roleSchema>;

/** `public`: without an account; else the roles that may. */
export type Access = "public" | readonly ApiRole[];

/** Everybody who has an account. */
export const SIGNED_IN: Access = [...ROLES];
/** The running of the grid and of the system. */
export const STAFF: Access = ["operator", "auditor", "admin"];
/** Who sees to what happens, and asks the grid for work. */
export const OPERATE: Access = ["operator", "admin"];
/** What is about persons: a customer's own, or all of it for those who check. */
export const BILLS: Access = ["customer", "auditor"];
/** Who has an account, and what was done with it. */
export const OVERSIGHT: Access = ["auditor", "admin"];
export const ADMIN: Access = ["admin"];

export function mayAccess(access: Access, role: ApiRole | undefined): boolean {
  return access === "public" || (role !== undefined && access.includes(role));
}
