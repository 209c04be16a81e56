// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../../contracts/AnchorRegistry.sol";
import {AttestationRegistry} from "../../contracts/AttestationRegistry.sol";
import {IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {TypedData, Wallet} from "./AttestationFixture.sol";
import {Test} from "./Vm.sol";

/// @dev Three honest signers (one of them a contract), two subjects, and an attacker who has seen every signature
/// and holds keys of his own. Honest steps MUST succeed; what an attack achieves is counted.
contract AttestationHandler is Test {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    uint256 private constant FOREIGN_KEY = 0xBAD;

    AnchorRegistry public immutable anchors;
    AttestationRegistry public immutable registry;
    bytes32 public immutable log;

    uint256[3] private keys = [uint256(0xA11CE), 0xB0B, 0xCA401];
    address[3] public signers;
    string[2] private subjects = ["pool:W1", "pool:W2"];
    mapping(uint64 => bytes32) private rootOf;
    uint64[] private sizes;

    IAttestationRegistry.Attestation[] private relayed; // with their signatures: seen by everybody
    bytes[] private signatures;
    mapping(address => uint64) public made;

    uint256 public attacks;
    uint256 public breaches;
    string public lastBreach;

    constructor() {
        anchors = new AnchorRegistry();
        registry = new AttestationRegistry(address(anchors));
        log = anchors.open("invariant.example/log", address(this), 100, keccak256("trust"), 0);
        signers = [vm.addr(keys[0]), vm.addr(keys[1]), address(new Wallet(vm.addr(keys[2])))];
        anchorAt(5, keccak256("root 5"));
    }

    // ------------------------------------------------------------------------------------- honest steps

    function attest(uint8 who, uint8 subject, uint8 verdict, bytes32 evidence, uint32 patience) external {
        if (evidence == 0) return;
        IAttestationRegistry.Attestation memory one = next(who, subject, verdict, evidence, patience);
        bytes memory signature = sign(keys[who % 3], one);
        registry.attest(one, signature);
        relayed.push(one);
        signatures.push(signature);
        ++made[one.signer];
    }

    function timePasses(uint32 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 30 days);
    }

    // ------------------------------------------------------------------------------------------ attacks

    function replay(uint256 which) external {
        if (relayed.length == 0) return;
        which %= relayed.length;
        IAttestationRegistry.Attestation memory one = relayed[which];
        attempt("replay", one, signatures[which]);
        one.nonce = registry.nonceOf(one.signer);
        if (one.deadline < block.timestamp) one.deadline = uint64(block.timestamp);
        attempt("replay at the next nonce", one, signatures[which]);
        attempt("replay, mirrored", one, mirrored(signatures[which]));
    }

    function wrongRoot(uint8 who, bytes32 root, uint64 size) external {
        IAttestationRegistry.Attestation memory one = next(who, 0, 1, keccak256("e"), 9);
        if (root != one.root) {
            one.root = root;
            attempt("wrong root", one, sign(keys[who % 3], one));
        }
        one.size = size;
        if (rootOf[size] == 0) {
            attempt("not anchored", one, sign(keys[who % 3], one));
            one.root = 0;
            attempt("not anchored, zero root", one, sign(keys[who % 3], one));
        }
    }

    function foreignSigner(uint8 who, bytes calldata noise) external {
        IAttestationRegistry.Attestation memory one = next(who, 1, 2, keccak256("e"), 9);
        attempt("foreign key", one, sign(FOREIGN_KEY, one));
        attempt("another honest key", one, sign(keys[(uint256(who) + 1) % 3], one));
        attempt("noise", one, noise);
        attempt("nothing", one, "");
        if (who % 3 == 2) {
            one.signer = address(registry);
            attempt("a contract that signs nothing", one, sign(FOREIGN_KEY, one));
        }
        one.signer = address(0);
        one.nonce = registry.nonceOf(address(0));
        attempt("the zero address", one, sign(FOREIGN_KEY, one));
        attempt("the zero address, zeros", one, new bytes(65));
    }

    function expired(uint8 who, uint32 ago) external {
        IAttestationRegistry.Attestation memory one = next(who, 0, 0, keccak256("e"), 0);
        one.deadline = uint64(block.timestamp - 1 - ago % 1_000_000_000);
        attempt("expired", one, sign(keys[who % 3], one));
    }

    function outOfTurn(uint8 who, uint64 nonce) external {
        IAttestationRegistry.Attestation memory one = next(who, 0, 0, keccak256("e"), 9);
        if (nonce == one.nonce) return;
        one.nonce = nonce;
        attempt("nonce out of turn", one, sign(keys[who % 3], one));
    }

    /// @dev Signatures that a signer made and did not hand out yet, changed on the way.
    function altered(uint8 who, uint8 member) external {
        IAttestationRegistry.Attestation memory one = next(who, 0, 1, keccak256("e"), 9);
        bytes memory signature = sign(keys[who % 3], one);
        // Accounts only: what form a contract accepts is its own business.
        if (who % 3 != 2) attempt("mirrored", one, mirrored(signature));
        member %= 5;
        if (member == 0) one.verdict = IAttestationRegistry.Verdict.Disputed;
        if (member == 1) one.evidence = keccak256("another");
        if (member == 2) one.subject = subjects[1];
        if (member == 3) one.scope = "everything";
        if (member == 4) ++one.rulesVersion;
        attempt("altered", one, signature);
    }

    // ------------------------------------------------------------------------------------------- checks

    /// @dev What is held is what was relayed honestly, in order, and nothing else.
    function checkHistory() external view {
        uint256 total = 0;
        uint256[2] memory place;
        for (uint256 i = 0; i < relayed.length; ++i) {
            uint256 which = keccak256(bytes(relayed[i].subject)) == keccak256(bytes(subjects[0])) ? 0 : 1;
            isHeld(registry.page(log, subjects[which], place[which], 1)[0], relayed[i]);
            ++place[which];
        }
        for (uint256 which = 0; which < 2; ++which) {
            same(registry.count(log, subjects[which]), place[which], "count");
            total += place[which];
        }
        uint256 nonces = 0;
        for (uint256 i = 0; i < 3; ++i) {
            same(registry.nonceOf(signers[i]), made[signers[i]], "nonce");
            nonces += made[signers[i]];
        }
        same(nonces, total, "every nonce used is an attestation held");
        same(registry.nonceOf(vm.addr(FOREIGN_KEY)), 0, "foreign nonce");
    }

    function isHeld(IAttestationRegistry.Attested memory held, IAttestationRegistry.Attestation memory one)
        private
        pure
    {
        same(held.signer, one.signer, "signer");
        same(held.root, one.root, "root");
        same(held.size, one.size, "size");
        same(held.evidence, one.evidence, "evidence");
        same(uint256(held.verdict), uint256(one.verdict), "verdict");
        same(held.rulesVersion, one.rulesVersion, "rules version");
        check(held.time <= one.deadline, "made after its deadline");
    }

    // ------------------------------------------------------------------------------------------ helpers

    function next(uint8 who, uint8 subject, uint8 verdict, bytes32 evidence, uint32 patience)
        private
        view
        returns (IAttestationRegistry.Attestation memory one)
    {
        one.log = log;
        one.size = sizes[sizes.length - 1];
        one.root = rootOf[one.size];
        one.subject = subjects[subject % 2];
        one.scope = "all of it";
        one.rulesVersion = 1;
        one.evidence = evidence;
        one.verdict = IAttestationRegistry.Verdict(1 + verdict % 3);
        one.signer = signers[who % 3];
        one.nonce = registry.nonceOf(one.signer);
        one.deadline = uint64(block.timestamp) + patience;
    }

    function sign(uint256 key, IAttestationRegistry.Attestation memory one)
        private
        view
        returns (bytes memory)
    {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, TypedData.digest(one, address(registry)));
        return abi.encodePacked(r, s, v);
    }

    function mirrored(bytes memory signature) private pure returns (bytes memory) {
        (bytes32 r, bytes32 s, uint8 v) = (bytes32(0), bytes32(0), uint8(signature[64]));
        assembly {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        return abi.encodePacked(r, bytes32(ORDER - uint256(s)), v ^ 7);
    }

    function anchorAt(uint64 size, bytes32 root) private {
        anchors.anchor(log, 0, size, root, new bytes32[](0));
        rootOf[size] = root;
        sizes.push(size);
    }

    function attempt(string memory name, IAttestationRegistry.Attestation memory one, bytes memory signature)
        private
    {
        ++attacks;
        (bool ok,) = address(registry).call(abi.encodeCall(registry.attest, (one, signature)));
        if (ok) {
            ++breaches;
            lastBreach = name;
        }
    }
}

contract AttestationInvariantTest is Test {
    AttestationHandler private handler;

    function setUp() public {
        vm.warp(1_790_000_000);
        handler = new AttestationHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_only_what_was_signed_stands() public view {
        check(handler.breaches() == 0, handler.lastBreach());
        handler.checkHistory();
    }

    /// @dev A campaign that attacked nothing would show nothing.
    function afterInvariant() public view {
        check(handler.attacks() > 10, "too few attacks");
    }
}
