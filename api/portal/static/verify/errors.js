// What a verification can end in besides a verdict; the names and codes are those of ledger/errors.py.

class PoolproofError extends Error {
  get code() {
    return "error";
  }
}

/** A step failed: the file is proved not to be what it claims. `evidence` shows a third party the same. */
export class VerificationError extends PoolproofError {
  constructor(reason, { step = "", evidence = {} } = {}) {
    super(step ? `${step}: ${reason}` : reason);
    this.reason = reason;
    this.step = step;
    this.evidence = evidence;
  }
  get code() {
    return "verification_failed";
  }
}

/** Two signed views of one log exclude each other. */
export class InconsistencyError extends VerificationError {
  get code() {
    return "inconsistent_log";
  }
}

/** Bytes that are not of the form they claim. */
export class MalformedError extends PoolproofError {
  constructor(what, reason) {
    super(`malformed ${what}: ${reason}`);
    this.what = what;
    this.reason = reason;
  }
  get code() {
    return "malformed";
  }
}

/** The inputs do not allow a verdict. */
export class UndeterminedError extends PoolproofError {
  get code() {
    return "undetermined";
  }
}

/** A node of another chain, or an address that is none: what was given cannot work. */
export class ConfigurationError extends PoolproofError {
  get code() {
    return "configuration";
  }
}

/** A node that does not answer, or with something that is no answer. */
export class UnavailableError extends PoolproofError {
  get code() {
    return "unavailable";
  }
}

/** Run `body`, and give a failure inside it the name of its step, as `at_step` in ledger/proofs/ladder.py. */
export async function atStep(step, evidence, body) {
  try {
    return await body();
  } catch (error) {
    if (error instanceof VerificationError) {
      throw new error.constructor(error.reason, { step, evidence: { ...error.evidence, ...evidence } });
    }
    if (error instanceof MalformedError) throw new VerificationError(error.message, { step, evidence });
    throw error;
  }
}
