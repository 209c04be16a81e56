// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "./interfaces/IAnchorRegistry.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {RegisterMap} from "./libraries/RegisterMap.sol";

/// @title AnchorRegistry
/// @notice See IAnchorRegistry. Not upgradeable, without an administrator, holds no funds, calls nobody but the
/// SHA-256 precompile: what it promises of a log holds against its own deployer.
contract AnchorRegistry is IAnchorRegistry {
    /// @inheritdoc IAnchorRegistry
    /// @dev Long enough to replace a key held in an escrow, short enough to be noticed.
    uint64 public constant MAX_PAUSE = 30 days;

    bytes32 private constant LOG_TAG = keccak256("poolproof/log/v1");

    enum Status {
        Unknown,
        Open,
        Closed
    }

    /// @dev One slot: an anchor reads and writes it as one word. 40 bits hold the seconds until the year 36,812
    /// and ten blocks a second for 3,000 years; `pausedUntil` is at most MAX_PAUSE after a block's time.
    struct Head {
        uint64 size;
        uint64 maxGrowth;
        uint40 time;
        uint40 blockNumber;
        uint40 pausedUntil;
        Status status;
    }

    struct Log {
        Head head;
        address anchorer;
        address pendingAnchorer;
        address owner;
        uint64 lastGoodSize;
        bytes32 trustRoot;
        bytes32 predecessor;
        bytes32 successor;
    }

    /// @custom:storage-location erc7201:poolproof.storage.AnchorRegistry
    struct RegistryStorage {
        mapping(bytes32 log => mapping(uint64 size => bytes32 root)) rootAt;
        mapping(bytes32 log => Log) logs;
    }

    /// @dev keccak256(abi.encode(uint256(keccak256("poolproof.storage.AnchorRegistry")) - 1)) & ~0xff
    bytes32 private constant BASE = 0x0f311a3c4c6cc2f779e07a64ac08996504388d7d01ee5f839ea0517f0542dd00;

    // ----------------------------------------------------------------------------------------- writing

    /// @inheritdoc IAnchorRegistry
    function open(
        string calldata origin,
        address anchorer,
        uint64 maxGrowth,
        bytes32 trustRootFingerprint,
        bytes32 predecessor
    ) external returns (bytes32 log) {
        _checkOrigin(bytes(origin));
        if (anchorer == address(0)) revert ZeroAddress();
        if (maxGrowth == 0) revert ZeroGrowth();
        if (trustRootFingerprint == 0) revert ZeroTrustRoot();
        log = logKey(msg.sender, origin);
        Log storage self = _logs(log);
        if (self.head.status != Status.Unknown) revert LogExists(log);
        if (predecessor != 0) _checkPredecessor(log, predecessor);

        self.head.maxGrowth = maxGrowth;
        self.head.status = Status.Open;
        self.anchorer = anchorer;
        self.owner = msg.sender;
        self.trustRoot = trustRootFingerprint;
        self.predecessor = predecessor;
        emit LogOpened(log, msg.sender, origin, anchorer, maxGrowth, trustRootFingerprint, predecessor);
    }

    /// @inheritdoc IAnchorRegistry
    function anchor(bytes32 log, uint64 expectedPrevSize, uint64 size, bytes32 root, bytes32[] calldata proof)
        external
    {
        Log storage self = _logs(log);
        Head memory head_ = self.head;
        _checkOpen(log, head_.status);
        if (msg.sender != self.anchorer) revert NotAnchorer(log, msg.sender);
        if (block.timestamp < head_.pausedUntil) revert LogIsPaused(log, head_.pausedUntil);
        if (expectedPrevSize != head_.size) revert WrongPrevSize(log, head_.size, expectedPrevSize);
        if (size <= head_.size) revert NotGrowing(log, head_.size, size);
        if (size - head_.size > head_.maxGrowth) {
            revert GrowthAboveLimit(log, size - head_.size, head_.maxGrowth);
        }
        if (root == 0) revert ZeroRoot();
        mapping(uint64 => bytes32) storage roots = _storage().rootAt[log];
        bool proven = head_.size != 0;
        if (proven) {
            if (!MerkleTree.extends(head_.size, size, roots[head_.size], root, proof)) {
                revert InvalidConsistencyProof();
            }
        } else if (proof.length != 0) {
            revert InvalidConsistencyProof();
        }

        head_.size = size;
        head_.time = uint40(block.timestamp);
        head_.blockNumber = uint40(block.number);
        self.head = head_;
        roots[size] = root;
        emit Anchored(log, size, root, expectedPrevSize, proven);
    }

    /// @inheritdoc IAnchorRegistry
    function setTrustRoot(bytes32 log, bytes32 fingerprint) external {
        Log storage self = _ownedAndOpen(log);
        if (fingerprint == 0) revert ZeroTrustRoot();
        emit TrustRootChanged(log, self.trustRoot, fingerprint);
        self.trustRoot = fingerprint;
    }

    /// @inheritdoc IAnchorRegistry
    function proposeAnchorer(bytes32 log, address candidate) external {
        Log storage self = _ownedAndOpen(log);
        self.pendingAnchorer = candidate;
        emit AnchorerProposed(log, candidate);
    }

    /// @inheritdoc IAnchorRegistry
    function acceptAnchorer(bytes32 log) external {
        Log storage self = _logs(log);
        _checkOpen(log, self.head.status);
        if (msg.sender != self.pendingAnchorer) revert NotProposed(log, msg.sender);
        emit AnchorerChanged(log, self.anchorer, msg.sender);
        self.anchorer = msg.sender;
        self.pendingAnchorer = address(0);
    }

    /// @inheritdoc IAnchorRegistry
    function pause(bytes32 log, uint64 until) external {
        Log storage self = _ownedAndOpen(log);
        uint64 latest = uint64(block.timestamp) + MAX_PAUSE;
        if (until <= block.timestamp || until > latest) revert InvalidPause(until, latest);
        self.head.pausedUntil = uint40(until);
        emit Paused(log, until);
    }

    /// @inheritdoc IAnchorRegistry
    function unpause(bytes32 log) external {
        Log storage self = _ownedAndOpen(log);
        if (self.head.pausedUntil <= block.timestamp) revert NotPaused(log);
        self.head.pausedUntil = 0;
        emit Unpaused(log);
    }

    /// @inheritdoc IAnchorRegistry
    function close(bytes32 log, uint64 lastGoodSize, bytes32 successor) external {
        Log storage self = _ownedAndOpen(log);
        if (lastGoodSize != 0 && _storage().rootAt[log][lastGoodSize] == 0) {
            revert SizeNotAnchored(log, lastGoodSize);
        }
        if (successor != 0) {
            Log storage next = _logs(successor);
            bool otherPredecessor = next.head.status != Status.Unknown && next.predecessor != log;
            if (successor == log || otherPredecessor) revert InvalidSuccessor(log, successor);
        }
        self.head.status = Status.Closed;
        self.lastGoodSize = lastGoodSize;
        self.successor = successor;
        emit Closed(log, lastGoodSize, successor);
    }

    // ----------------------------------------------------------------------------------------- reading

    /// @inheritdoc IAnchorRegistry
    function logKey(address owner, string calldata origin) public pure returns (bytes32 log) {
        return keccak256(abi.encode(LOG_TAG, owner, origin));
    }

    /// @inheritdoc IAnchorRegistry
    function head(bytes32 log)
        external
        view
        returns (uint64 size, uint64 time, uint64 blockNumber, bool closed)
    {
        Head memory head_ = _logs(log).head;
        return (head_.size, head_.time, head_.blockNumber, head_.status == Status.Closed);
    }

    /// @inheritdoc IAnchorRegistry
    function rootAt(bytes32 log, uint64 size) external view returns (bytes32 root) {
        return _storage().rootAt[log][size];
    }

    /// @inheritdoc IAnchorRegistry
    function trustRoot(bytes32 log) external view returns (bytes32 fingerprint) {
        return _logs(log).trustRoot;
    }

    /// @inheritdoc IAnchorRegistry
    function logInfo(bytes32 log) external view returns (LogInfo memory info) {
        Log storage self = _logs(log);
        Head memory head_ = self.head;
        info.owner = self.owner;
        info.anchorer = self.anchorer;
        info.pendingAnchorer = self.pendingAnchorer;
        info.size = head_.size;
        info.root = _storage().rootAt[log][head_.size];
        info.time = head_.time;
        info.blockNumber = head_.blockNumber;
        info.maxGrowth = head_.maxGrowth;
        info.pausedUntil = head_.pausedUntil;
        info.closed = head_.status == Status.Closed;
        info.lastGoodSize = self.lastGoodSize;
        info.trustRoot = self.trustRoot;
        info.predecessor = self.predecessor;
        info.successor = self.successor;
    }

    /// @inheritdoc IAnchorRegistry
    function verifyInclusion(bytes32 log, uint64 size, uint64 index, bytes32 leafHash, bytes32[] calldata proof)
        external
        view
    {
        bool included = MerkleTree.includes(_goodRoot(log, size), size, index, leafHash, proof);
        if (!included) revert InvalidInclusionProof();
    }

    /// @inheritdoc IAnchorRegistry
    function verifyConsistency(
        bytes32 log,
        uint64 anchoredSize,
        uint64 size,
        bytes32 root,
        bytes32[] calldata proof
    ) external view {
        bool consistent = MerkleTree.extends(anchoredSize, size, _goodRoot(log, anchoredSize), root, proof);
        if (!consistent) revert InvalidConsistencyProof();
    }

    /// @inheritdoc IAnchorRegistry
    function verifyPresence(
        bytes32 log,
        uint64 size,
        bytes32 key,
        bytes32[2] calldata value,
        RegisterProof calldata proof
    ) external view {
        _checkRegister(log, size, proof);
        if (!RegisterMap.has(proof.root, key, value, proof.bits, proof.siblings)) revert InvalidMapProof();
    }

    /// @inheritdoc IAnchorRegistry
    function verifyAbsence(
        bytes32 log,
        uint64 size,
        bytes32 key,
        bytes32 otherKey,
        bytes32[2] calldata otherValue,
        RegisterProof calldata proof
    ) external view {
        _checkRegister(log, size, proof);
        if (!RegisterMap.lacks(proof.root, key, otherKey, otherValue, proof.bits, proof.siblings)) {
            revert InvalidMapProof();
        }
    }

    /// @inheritdoc IAnchorRegistry
    function verifyUnencumbered(
        bytes32 log,
        uint64 size,
        bytes32 key,
        bytes16 nonce,
        uint64 version,
        bytes32 history,
        bytes32 stateDigest,
        RegisterProof calldata proof
    ) external view {
        _checkRegister(log, size, proof);
        bytes32[2] memory value = [RegisterMap.unencumbered(nonce, version, history), stateDigest];
        if (!RegisterMap.has(proof.root, key, value, proof.bits, proof.siblings)) revert InvalidMapProof();
    }

    // ---------------------------------------------------------------------------------------- internal

    function _storage() private pure returns (RegistryStorage storage store) {
        assembly {
            store.slot := BASE
        }
    }

    function _logs(bytes32 log) private view returns (Log storage) {
        return _storage().logs[log];
    }

    function _checkOpen(bytes32 log, Status status) private pure {
        if (status == Status.Unknown) revert UnknownLog(log);
        if (status == Status.Closed) revert LogIsClosed(log);
    }

    function _ownedAndOpen(bytes32 log) private view returns (Log storage self) {
        self = _logs(log);
        _checkOpen(log, self.head.status);
        if (msg.sender != self.owner) revert NotOwner(log, msg.sender);
    }

    /// @dev A claim to follow a log that its owner did not make would put a stranger's log into a chain of trust.
    function _checkPredecessor(bytes32 log, bytes32 predecessor) private view {
        Log storage before = _logs(predecessor);
        Status status = before.head.status;
        bool named = status == Status.Closed && before.successor == log;
        bool own = status == Status.Open && before.owner == msg.sender;
        if (!named && !own) revert InvalidPredecessor(log, predecessor);
    }

    function _checkOrigin(bytes calldata origin) private pure {
        if (origin.length == 0 || origin.length > 255) revert InvalidOrigin();
        for (uint256 i = 0; i < origin.length; ++i) {
            bytes1 char = origin[i];
            if (char <= 0x20 || char >= 0x7f || char == "+") revert InvalidOrigin();
        }
    }

    /// @dev The anchored root of a size that its owner has not disowned.
    function _goodRoot(bytes32 log, uint64 size) private view returns (bytes32 root) {
        root = _storage().rootAt[log][size];
        if (root == 0) revert SizeNotAnchored(log, size);
        Log storage self = _logs(log);
        if (self.head.status == Status.Closed && size > self.lastGoodSize) {
            revert SizeDisowned(log, size, self.lastGoodSize);
        }
    }

    /// @dev The last leaf of every published tree is its register entry.
    function _checkRegister(bytes32 log, uint64 size, RegisterProof calldata proof) private view {
        bytes32 root = _goodRoot(log, size);
        uint64 last = size - 1;
        bytes32 leaf = RegisterMap.entryHash(last, proof.count, proof.root);
        if (!MerkleTree.includes(root, size, last, leaf, proof.inclusion)) revert InvalidInclusionProof();
    }
}
