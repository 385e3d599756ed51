/** The task that piscina runs. */

let sum = 0;

export function take(event: { readonly data: { readonly user: number } }): void {
  sum += event.data.user;
  if (sum < 0) throw new Error('Nobody has a number below zero.');
}
