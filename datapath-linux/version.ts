/** The version of Open vSwitch whose behaviour this switch has. */
export const ovsVersion = '3.7.0';
