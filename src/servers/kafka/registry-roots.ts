/** Which paths of the HTTP door are the schema registry's: known before its code is loaded. */

export const REGISTRY_ROOTS: readonly string[] = ['/subjects', '/schemas', '/compatibility', '/config', '/mode', '/contexts'];
