// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.20;

/// @title The registry of anchored checkpoints of append-only logs
/// @notice Each log is an RFC 9162 tree over SHA-256. An anchor puts a new (size, root) on chain, and the
/// registry accepts it only with a proof that the new tree extends the one anchored before: from the first
/// anchor on, nobody can rewrite, shrink or fork what was anchored, the holder of the key included.
///
/// What it does not show: that the records in the tree are true, that the first anchored root is the root of
/// anything (it is marked unproven), and who the owner is in the world. See contracts/README.md.
///
/// @dev Storage that proofs (`eth_getProof`) rely on. It MUST NOT move:
///
///     BASE = keccak256(abi.encode(uint256(keccak256("poolproof.storage.AnchorRegistry")) - 1)) & ~0xff
///          = 0x0f311a3c4c6cc2f779e07a64ac08996504388d7d01ee5f839ea0517f0542dd00   (ERC-7201)
///
///     rootAt[log][size]   keccak256(abi.encode(uint256(size), keccak256(abi.encode(log, BASE))))
///     logs[log]           L = keccak256(abi.encode(log, BASE + 1)), then
///       L      the head, from the lowest bits: uint64 size | uint64 maxGrowth | uint40 time |
///              uint40 blockNumber | uint40 pausedUntil | uint8 status (0 unknown, 1 open, 2 closed)
///       L + 1  address anchorer
///       L + 2  address pendingAnchorer
///       L + 3  address owner | uint64 lastGoodSize (from bit 160)
///       L + 4  trustRoot
///       L + 5  predecessor
///       L + 6  successor
///
/// The word of rootAt is the root itself; the trie stores it as the RLP of an integer, so that leading zero
/// bytes are gone and a reader pads it to 32 bytes.
interface IAnchorRegistry {
    // ------------------------------------------------------------------------------------------- types

    /// @notice All that the registry holds about a log, but for its roots.
    struct LogInfo {
        address owner;
        address anchorer;
        address pendingAnchorer; // zero when no change is proposed
        uint64 size; // the head: the greatest anchored size, 0 before the first anchor
        bytes32 root; // the root at the head, zero before the first anchor
        uint64 time; // block time of the last anchor, in seconds
        uint64 blockNumber; // block of the last anchor
        uint64 maxGrowth;
        uint64 pausedUntil; // no anchor is accepted while block.timestamp < pausedUntil
        bool closed;
        uint64 lastGoodSize; // of a closed log: sizes above it are disowned by the owner
        bytes32 trustRoot;
        bytes32 predecessor;
        bytes32 successor; // of a closed log; zero for none
    }

    /// @notice What leads from an anchored root to a leaf of the register's map at that size.
    /// @dev `count` and `root` are those of the register entry, the tree's last leaf; `inclusion` is its
    /// RFC 9162 proof at index size - 1. `bits` and `siblings` are the way from the map's leaf up to `root`, one
    /// byte and one hash for each inner node; the bits fall strictly.
    struct RegisterProof {
        uint64 count;
        bytes32 root;
        bytes32[] inclusion;
        bytes bits;
        bytes32[] siblings;
    }

    // ------------------------------------------------------------------------------------------ errors

    error UnknownLog(bytes32 log);
    error LogExists(bytes32 log);
    error LogIsClosed(bytes32 log);
    error LogIsPaused(bytes32 log, uint64 until);
    error NotOwner(bytes32 log, address caller);
    error NotAnchorer(bytes32 log, address caller);
    error NotProposed(bytes32 log, address caller);
    /// @notice An origin has 1 to 255 characters of printable ASCII, without space and '+'.
    error InvalidOrigin();
    error ZeroAddress();
    error ZeroGrowth();
    error ZeroRoot();
    error ZeroTrustRoot();
    /// @notice The head is not where the sender believes it to be.
    error WrongPrevSize(bytes32 log, uint64 head, uint64 expectedPrevSize);
    error NotGrowing(bytes32 log, uint64 head, uint64 size);
    error GrowthAboveLimit(bytes32 log, uint64 growth, uint64 maxGrowth);
    error InvalidConsistencyProof();
    error InvalidInclusionProof();
    error InvalidMapProof();
    error SizeNotAnchored(bytes32 log, uint64 size);
    /// @notice The log is closed and its owner has disowned the sizes above lastGoodSize.
    error SizeDisowned(bytes32 log, uint64 size, uint64 lastGoodSize);
    /// @notice A pause ends in the future and at most MAX_PAUSE from now.
    error InvalidPause(uint64 until, uint64 latest);
    error NotPaused(bytes32 log);
    error InvalidPredecessor(bytes32 log, bytes32 predecessor);
    error InvalidSuccessor(bytes32 log, bytes32 successor);

    // ------------------------------------------------------------------------------------------ events

    event LogOpened(
        bytes32 indexed log,
        address indexed owner,
        string origin,
        address anchorer,
        uint64 maxGrowth,
        bytes32 trustRoot,
        bytes32 indexed predecessor
    );
    /// @param proven false for the first anchor of a log, which extends nothing
    event Anchored(bytes32 indexed log, uint64 indexed size, bytes32 root, uint64 prevSize, bool proven);
    event TrustRootChanged(bytes32 indexed log, bytes32 oldFingerprint, bytes32 newFingerprint);
    event AnchorerProposed(bytes32 indexed log, address indexed candidate);
    event AnchorerChanged(bytes32 indexed log, address indexed oldAnchorer, address indexed newAnchorer);
    event Paused(bytes32 indexed log, uint64 until);
    event Unpaused(bytes32 indexed log);
    event Closed(bytes32 indexed log, uint64 lastGoodSize, bytes32 indexed successor);

    // ----------------------------------------------------------------------------------------- writing

    /// @notice Opens the log that the caller names `origin`, and makes the caller its owner for ever.
    /// @dev The id binds owner and origin: nobody can open an origin in another's name.
    /// @param origin MUST be 1 to 255 characters of printable ASCII, without space and '+'
    /// @param anchorer the only address that may anchor; MUST NOT be zero
    /// @param maxGrowth the greatest number of leaves that one anchor may add, the first included; above zero
    /// @param trustRootFingerprint SHA-256 of the log's trust root file; MUST NOT be zero
    /// @param predecessor zero, or the log that this one follows: one of the caller's own that is still open,
    /// or a closed one (anybody's) that names this log as its successor
    /// @return log the id, as `logKey(msg.sender, origin)`
    function open(
        string calldata origin,
        address anchorer,
        uint64 maxGrowth,
        bytes32 trustRootFingerprint,
        bytes32 predecessor
    ) external returns (bytes32 log);

    /// @notice Makes (size, root) the head of the log.
    /// @dev Reverts unless the caller is the anchorer, the log is neither paused nor closed, `expectedPrevSize`
    /// is the head, `size` is above it by at most maxGrowth, `root` is not zero, and `proof` shows by RFC 9162
    /// section 2.1.4.2 that the tree of `size` and `root` extends the tree at the head. Before the first anchor
    /// the head is 0, and `proof` MUST be empty.
    function anchor(bytes32 log, uint64 expectedPrevSize, uint64 size, bytes32 root, bytes32[] calldata proof)
        external;

    /// @notice Replaces the fingerprint of the log's trust root. Owner only.
    function setTrustRoot(bytes32 log, bytes32 fingerprint) external;

    /// @notice Proposes another anchorer, who takes over by accepting; zero withdraws a proposal. Owner only.
    function proposeAnchorer(bytes32 log, address candidate) external;

    /// @notice Makes the caller the anchorer, if it is the one proposed.
    function acceptAnchorer(bytes32 log) external;

    /// @notice Refuses anchors until `until`, which MUST be in the future by at most MAX_PAUSE. Owner only.
    /// @dev The pause ends by itself: an owner who is lost cannot leave a log frozen.
    function pause(bytes32 log, uint64 until) external;

    /// @notice Ends a pause at once. Owner only.
    function unpause(bytes32 log) external;

    /// @notice Ends the log for ever. Owner only.
    /// @param lastGoodSize an anchored size, or 0 when no anchor is to be relied on; greater sizes are disowned
    /// @param successor the log that goes on in its place, opened or not yet; zero for none. One that is open
    /// MUST name this log as its predecessor.
    function close(bytes32 log, uint64 lastGoodSize, bytes32 successor) external;

    // ----------------------------------------------------------------------------------------- reading
    // Of a log or size that is not there the plain readers return zeros; the verifying ones revert.

    /// @notice The longest pause, in seconds.
    function MAX_PAUSE() external view returns (uint64);

    /// @notice `keccak256(abi.encode(keccak256("poolproof/log/v1"), owner, origin))`.
    function logKey(address owner, string calldata origin) external pure returns (bytes32 log);

    /// @notice The head: size, block time and block of the last anchor, and whether the log is closed.
    function head(bytes32 log) external view returns (uint64 size, uint64 time, uint64 blockNumber, bool closed);

    /// @notice The root anchored at `size`, zero if none was. Of a closed log also look at `lastGoodSize`.
    function rootAt(bytes32 log, uint64 size) external view returns (bytes32 root);

    /// @notice The fingerprint of the log's trust root.
    function trustRoot(bytes32 log) external view returns (bytes32 fingerprint);

    /// @notice All that is held about the log.
    function logInfo(bytes32 log) external view returns (LogInfo memory info);

    /// @notice Reverts unless `leafHash` is the leaf at `index` of the tree anchored at `size`.
    function verifyInclusion(bytes32 log, uint64 size, uint64 index, bytes32 leafHash, bytes32[] calldata proof)
        external
        view;

    /// @notice Reverts unless the tree of `size` and `root`, anchored or not, extends the one anchored at
    /// `anchoredSize`. An equal size needs the same root and an empty proof.
    function verifyConsistency(
        bytes32 log,
        uint64 anchoredSize,
        uint64 size,
        bytes32 root,
        bytes32[] calldata proof
    ) external view;

    /// @notice Reverts unless the register of the tree anchored at `size` has `value` under `key`.
    /// @param value for a claim encumbrance digest and state digest, for a pool chain head and last seal
    function verifyPresence(
        bytes32 log,
        uint64 size,
        bytes32 key,
        bytes32[2] calldata value,
        RegisterProof calldata proof
    ) external view;

    /// @notice Reverts unless the register of the tree anchored at `size` has nothing under `key`.
    /// @param otherKey the key at which looking `key` up ends; zero when the register is empty
    /// @param otherValue its value; zeros when the register is empty
    function verifyAbsence(
        bytes32 log,
        uint64 size,
        bytes32 key,
        bytes32 otherKey,
        bytes32[2] calldata otherValue,
        RegisterProof calldata proof
    ) external view;

    /// @notice Reverts unless the register of the tree anchored at `size` knows the claim and has it pledged
    /// to nobody: an encumbrance of the given nonce, version and history with no holders.
    function verifyUnencumbered(
        bytes32 log,
        uint64 size,
        bytes32 key,
        bytes16 nonce,
        uint64 version,
        bytes32 history,
        bytes32 stateDigest,
        RegisterProof calldata proof
    ) external view;
}
