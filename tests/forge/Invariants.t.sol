// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../../contracts/AnchorRegistry.sol";
import {IAnchorRegistry} from "../../contracts/interfaces/IAnchorRegistry.sol";
import {Reference} from "./Reference.sol";
import {Test} from "./Vm.sol";

/// @dev One log in the hands of an honest anchorer and of an attacker who holds the anchorer's key too. Honest
/// steps MUST succeed; what an attack achieves is counted, and the invariants want that to be nothing.
contract Handler is Test {
    uint64 public constant MAX_GROWTH = 12;
    uint256 public constant MOST_LEAVES = 100;
    address private constant OWNER = address(0xA11CE);

    AnchorRegistry public immutable registry;
    bytes32 public immutable log;
    address public anchorer = address(0xA4C408);

    bytes32[] private leaves; // of the honest tree, always more than are anchored
    uint64[] private sizes; // anchored so far
    mapping(uint64 => bytes32) private rootOf; // as they were when anchored
    uint256 public attacks;
    uint256 public breaches;
    string public lastBreach;

    constructor() {
        registry = new AnchorRegistry();
        vm.prank(OWNER);
        log = registry.open("invariant.example/log", anchorer, MAX_GROWTH, keccak256("trust"), 0);
        leaves = Reference.leavesOf(11, MOST_LEAVES + MAX_GROWTH + 40);
    }

    // ------------------------------------------------------------------------------------- honest steps

    function append(uint64 growth) external {
        uint64 from = size();
        uint64 to = from + 1 + growth % MAX_GROWTH;
        if (to > MOST_LEAVES) return;
        endPause();
        bytes32 root = Reference.root(leaves, to);
        bytes32[] memory proof = honestProof(from, to); // before the prank: hashing is a call too
        vm.prank(anchorer);
        registry.anchor(log, from, to, root, proof);
        sizes.push(to);
        rootOf[to] = root;
    }

    function rotate(uint160 next) external {
        address candidate = address(uint160(0x1000) + next % 0xffff);
        vm.prank(OWNER);
        registry.proposeAnchorer(log, candidate);
        vm.prank(candidate);
        registry.acceptAnchorer(log);
        anchorer = candidate;
    }

    function pauseFor(uint32 seconds_) external {
        uint64 until = uint64(block.timestamp) + 1 + seconds_ % registry.MAX_PAUSE();
        vm.prank(OWNER);
        registry.pause(log, until);
        bytes32 root = Reference.root(leaves, size() + 1);
        bytes32[] memory proof = honest(1);
        attemptCall("paused", anchorer, abi.encodeCall(registry.anchor, (log, size(), size() + 1, root, proof)));
    }

    function timePasses(uint32 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 90 days);
        vm.roll(block.number + seconds_ % 1000);
    }

    // ------------------------------------------------------------------------------------------ attacks

    /// @dev Another leaf in what is anchored, with the proofs of either tree.
    function rewrite(uint64 growth, uint256 index, bytes32 leaf) external {
        uint64 from = size();
        if (from == 0) return;
        uint64 to = from + 1 + growth % MAX_GROWTH;
        bytes32[] memory forged = leaves;
        if (forged[index % from] == leaf) return;
        forged[index % from] = leaf;
        bytes32 root = Reference.root(forged, to);
        attempt("rewrite", anchorer, from, to, root, Reference.consistency(forged, from, to));
        attempt("rewrite, honest proof", anchorer, from, to, root, honestProof(from, to));
        // The proof from an older anchor, where the trees still agree.
        uint64 older = sizes[index % sizes.length];
        bytes32[] memory old = Reference.consistency(forged, older, to);
        attempt("rewrite, older proof", anchorer, from, to, root, old);
        attempt("rewrite from an older head", anchorer, older, to, root, old);
    }

    /// @dev A smaller or equal tree, be it the honest one.
    function shrink(uint64 to, bytes32 root) external {
        uint64 from = size();
        to = from == 0 ? 0 : to % (from + 1);
        bytes32[] memory empty = new bytes32[](0);
        attempt("shrink", anchorer, from, to, root, empty);
        if (to == 0) return;
        attempt("shrink, honest root", anchorer, from, to, Reference.root(leaves, to), empty);
        attempt("shrink, proof backwards", anchorer, from, to, root, Reference.consistency(leaves, to, from));
        attempt("shrink, false head", anchorer, to - 1, to, Reference.root(leaves, to), honestProof(to - 1, to));
    }

    /// @dev Any root with any proof.
    function forge(uint64 growth, bytes32 root, bytes32[] calldata proof) external {
        uint64 from = size();
        if (from == 0) return; // the first anchor is anybody's word, and marked so
        attempt("forge", anchorer, from, from + 1 + growth % MAX_GROWTH, root, proof);
    }

    /// @dev An honest proof with one bit changed.
    function spoil(uint64 growth, uint256 which, uint8 bit) external {
        uint64 from = size();
        if (from == 0) return;
        uint64 to = from + 1 + growth % MAX_GROWTH;
        bytes32[] memory proof = honestProof(from, to);
        if (proof.length == 0) return;
        proof[which % proof.length] ^= bytes32(uint256(1) << bit);
        attempt("spoil", anchorer, from, to, Reference.root(leaves, to), proof);
    }

    /// @dev The honest tree, but further than the limit.
    function leap(uint64 extra) external {
        uint64 from = size();
        uint64 to = from + MAX_GROWTH + 1 + extra % 20;
        attempt("leap", anchorer, from, to, Reference.root(leaves, to), honestProof(from, to));
        attempt("far leap", anchorer, from, type(uint64).max - extra % 1000, keccak256("root"), honest(1));
    }

    /// @dev The honest next anchor from another key, the owner's included.
    function foreignKey(address caller, uint64 growth) external {
        uint64 from = size();
        uint64 to = from + 1 + growth % MAX_GROWTH;
        bytes32 root = Reference.root(leaves, to);
        bytes32[] memory proof = honestProof(from, to);
        if (caller != anchorer) attempt("foreign key", caller, from, to, root, proof);
        attempt("owner's key", OWNER, from, to, root, proof);
    }

    /// @dev Somebody else's hands on the owner's levers.
    function foreignOwner(address caller, uint64 number) external {
        if (caller == OWNER) return;
        attemptCall("trust root", caller, abi.encodeCall(registry.setTrustRoot, (log, keccak256("other"))));
        attemptCall("rotation", caller, abi.encodeCall(registry.proposeAnchorer, (log, caller)));
        attemptCall("acceptance", caller, abi.encodeCall(registry.acceptAnchorer, (log)));
        attemptCall("pause", caller, abi.encodeCall(registry.pause, (log, number)));
        attemptCall("unpause", caller, abi.encodeCall(registry.unpause, (log)));
        attemptCall("close", caller, abi.encodeCall(registry.close, (log, number, 0)));
    }

    /// @dev The owner cannot freeze a log for ever, nor open it anew.
    function hostileOwner(uint64 until) external {
        uint64 latest = uint64(block.timestamp) + registry.MAX_PAUSE();
        if (until <= latest) until = latest + 1;
        attemptCall("long pause", OWNER, abi.encodeCall(registry.pause, (log, until)));
        bytes memory again = abi.encodeCall(
            registry.open, ("invariant.example/log", OWNER, type(uint64).max, keccak256("other"), bytes32(0))
        );
        attemptCall("open again", OWNER, again);
    }

    // ------------------------------------------------------------------------------------------- checks

    function size() public view returns (uint64 head) {
        (head,,,) = registry.head(log);
    }

    /// @dev Every anchored root is the honest one of its moment, and there are no others.
    function checkHistory() external view {
        uint64 last = sizes.length == 0 ? 0 : sizes[sizes.length - 1];
        same(size(), last, "head");
        for (uint64 some = 0; some <= MOST_LEAVES + 1; ++some) {
            same(registry.rootAt(log, some), rootOf[some], "root");
        }
        for (uint256 i = 0; i < sizes.length; ++i) {
            uint64 prev = i == 0 ? 0 : sizes[i - 1];
            check(sizes[i] > prev && sizes[i] - prev <= MAX_GROWTH, "growth");
        }
    }

    // ------------------------------------------------------------------------------------------ helpers

    function honest(uint64 growth) private view returns (bytes32[] memory) {
        return honestProof(size(), size() + growth);
    }

    function honestProof(uint64 from, uint64 to) private view returns (bytes32[] memory) {
        return from == 0 ? new bytes32[](0) : Reference.consistency(leaves, from, to);
    }

    function endPause() private {
        uint64 until = registry.logInfo(log).pausedUntil;
        if (until > block.timestamp) vm.warp(until);
    }

    function attempt(
        string memory name,
        address caller,
        uint64 expected,
        uint64 to,
        bytes32 root,
        bytes32[] memory proof
    ) private {
        endPause(); // or the pause would refuse what the rule under attack has to
        attemptCall(name, caller, abi.encodeCall(registry.anchor, (log, expected, to, root, proof)));
    }

    function attemptCall(string memory name, address caller, bytes memory data) private {
        ++attacks;
        vm.prank(caller);
        (bool ok,) = address(registry).call(data);
        if (ok) {
            ++breaches;
            lastBreach = name;
        }
    }
}

contract InvariantTest is Test {
    Handler private handler;

    function setUp() public {
        vm.warp(1_790_000_000);
        handler = new Handler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev One campaign for all: three would each pay for their own attacks.
    function invariant_nothing_is_undone() public view {
        check(handler.breaches() == 0, handler.lastBreach());
        handler.checkHistory();
        IAnchorRegistry.LogInfo memory info = handler.registry().logInfo(handler.log());
        same(info.owner, address(0xA11CE), "owner");
        same(info.anchorer, handler.anchorer(), "anchorer");
        same(info.trustRoot, keccak256("trust"), "trust root");
        same(info.maxGrowth, handler.MAX_GROWTH(), "growth limit");
        check(!info.closed, "closed");
    }

    /// @dev A campaign that attacked nothing, or that never got past the first anchor, would show nothing.
    function afterInvariant() public view {
        check(handler.attacks() > 10, "too few attacks");
    }
}
