/** A command cannot do what it is for; the message tells the user why. */
export class Failure extends Error {}
