// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../../contracts/AnchorRegistry.sol";
import {AttestationRegistry} from "../../contracts/AttestationRegistry.sol";
import {IAttestationRegistry, IERC1271} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {Test} from "./Vm.sol";

/// @dev EIP-712 written down once more from its text, without looking at the contract: plain strings, no constants.
library TypedData {
    function digest(IAttestationRegistry.Attestation memory one, address verifier)
        internal
        view
        returns (bytes32)
    {
        bytes memory domain = abi.encode(
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
            keccak256("Poolproof Attestation"),
            keccak256("1"),
            block.chainid,
            verifier
        );
        return keccak256(abi.encodePacked("\x19\x01", keccak256(domain), structHash(one)));
    }

    function structHash(IAttestationRegistry.Attestation memory one) internal pure returns (bytes32) {
        bytes32[12] memory words = [
            keccak256(
                "Attestation(bytes32 log,uint64 size,bytes32 root,string subject,string scope,uint64 rulesVersion,bytes32 evidence,string verdict,address signer,uint64 nonce,uint64 deadline)"
            ),
            one.log,
            bytes32(uint256(one.size)),
            one.root,
            keccak256(bytes(one.subject)),
            keccak256(bytes(one.scope)),
            bytes32(uint256(one.rulesVersion)),
            one.evidence,
            keccak256(bytes(word(one.verdict))),
            bytes32(uint256(uint160(one.signer))),
            bytes32(uint256(one.nonce)),
            bytes32(uint256(one.deadline))
        ];
        return keccak256(abi.encode(words));
    }

    function word(IAttestationRegistry.Verdict verdict) internal pure returns (string memory) {
        if (verdict == IAttestationRegistry.Verdict.Acknowledged) return "acknowledged";
        return verdict == IAttestationRegistry.Verdict.Checked ? "checked" : "disputed";
    }
}

/// @dev A contract that signs by an owner's key, as multi-signature accounts do; or misbehaves on purpose.
contract Wallet is IERC1271 {
    enum Manner {
        Honest,
        Refuses,
        Reverts,
        AnswersShort,
        AnswersDirty,
        AnswersOtherSelector
    }

    address public immutable OWNER;
    Manner public manner;

    constructor(address owner) {
        OWNER = owner;
    }

    function behave(Manner how) external {
        manner = how;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (manner == Manner.Reverts) revert("no");
        if (manner == Manner.AnswersShort) {
            assembly {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
        }
        if (manner == Manner.AnswersDirty) {
            assembly {
                mstore(0, or(shl(224, 0x1626ba7e), 1))
                return(0, 32)
            }
        }
        if (manner == Manner.AnswersOtherSelector) return this.behave.selector;
        (bytes32 r, bytes32 s) = (bytes32(signature[0:32]), bytes32(signature[32:64]));
        bool good = ecrecover(digest, uint8(signature[64]), r, s) == OWNER;
        return good && manner == Manner.Honest ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @dev An attestation registry over an anchor registry with one log, anchored at 10 and 20.
abstract contract AttestationFixture is Test {
    /// @dev The order of secp256k1.
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    uint256 internal constant KEY = 0xA0D1704;
    bytes32 internal constant ROOT = keccak256("root at 10");
    string internal constant SUBJECT = "pool:W1";

    AnchorRegistry internal anchors;
    AttestationRegistry internal registry;
    bytes32 internal log;
    address internal signer;

    function setUp() public virtual {
        vm.warp(1_790_000_000);
        anchors = new AnchorRegistry();
        registry = new AttestationRegistry(address(anchors));
        log = anchors.open("fenqile.example/consumer-2026", address(this), 100, keccak256("trust"), 0);
        anchors.anchor(log, 0, 10, ROOT, new bytes32[](0));
        signer = vm.addr(KEY);
    }

    /// @dev The signer's next, as an honest one would make it.
    function sample() internal view returns (IAttestationRegistry.Attestation memory) {
        return IAttestationRegistry.Attestation({
            log: log,
            size: 10,
            root: ROOT,
            subject: SUBJECT,
            scope: "audit as of 2026-07-31",
            rulesVersion: 3,
            evidence: keccak256("report"),
            verdict: IAttestationRegistry.Verdict.Checked,
            signer: signer,
            nonce: registry.nonceOf(signer),
            deadline: uint64(block.timestamp) + 1 hours
        });
    }

    function signed(uint256 key, IAttestationRegistry.Attestation memory one)
        internal
        view
        returns (bytes memory)
    {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, TypedData.digest(one, address(registry)));
        return abi.encodePacked(r, s, v);
    }

    function attest(IAttestationRegistry.Attestation memory one) internal returns (uint256) {
        return registry.attest(one, signed(KEY, one));
    }

    function refused(IAttestationRegistry.Attestation memory one, bytes memory signature, bytes memory reason)
        internal
    {
        uint64 nonce = registry.nonceOf(one.signer);
        uint256 number = registry.count(one.log, one.subject);
        (bool ok, bytes memory answer) =
            address(registry).call(abi.encodeCall(registry.attest, (one, signature)));
        check(!ok, "accepted");
        same(keccak256(answer), keccak256(reason), "reason");
        same(registry.nonceOf(one.signer), nonce, "nonce");
        same(registry.count(one.log, one.subject), number, "count");
    }

    /// @dev Well signed, and refused all the same.
    function refused(IAttestationRegistry.Attestation memory one, bytes memory reason) internal {
        refused(one, signed(KEY, one), reason);
    }

    function badSignature() internal view returns (bytes memory) {
        return abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, signer);
    }
}
