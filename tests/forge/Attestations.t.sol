// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AttestationRegistry} from "../../contracts/AttestationRegistry.sol";
import {IAttestationRegistry, IERC1271} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {AttestationFixture, TypedData, Wallet} from "./AttestationFixture.sol";

contract AttestationsTest is AttestationFixture {
    // --------------------------------------------------------------------------------------- what stands

    function test_an_attestation_is_held_as_signed() public {
        IAttestationRegistry.Attestation memory one = sample();
        bytes memory signature = signed(KEY, one);
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.AttestationMade(log, keccak256(bytes(SUBJECT)), signer, 0, one, signature);
        vm.prank(address(0xBEEF)); // whoever relays
        same(registry.attest(one, signature), 0, "index");

        same(registry.count(log, SUBJECT), 1, "count");
        same(registry.nonceOf(signer), 1, "nonce");
        isHeld(registry.page(log, SUBJECT, 0, 10)[0], one);
    }

    function test_later_ones_append() public {
        for (uint256 i = 0; i < 5; ++i) {
            IAttestationRegistry.Attestation memory one = sample();
            one.verdict = IAttestationRegistry.Verdict(1 + i % 3);
            one.evidence = keccak256(abi.encode(i));
            same(attest(one), i, "index");
            vm.warp(block.timestamp + 1 days);
        }
        IAttestationRegistry.Attested[] memory all = registry.page(log, SUBJECT, 0, type(uint256).max);
        same(all.length, 5, "all");
        for (uint256 i = 0; i < 5; ++i) {
            same(uint256(all[i].verdict), 1 + i % 3, "verdict");
            same(all[i].evidence, keccak256(abi.encode(i)), "evidence");
            same(all[i].time, 1_790_000_000 + i * 1 days, "time");
        }
    }

    function testFuzz_pages(uint8 number, uint256 first, uint256 most) public {
        number %= 12;
        for (uint256 i = 0; i < number; ++i) {
            IAttestationRegistry.Attestation memory one = sample();
            one.rulesVersion = uint64(i);
            attest(one);
        }
        // Half of the cases near the end, half anywhere.
        if (most % 2 == 0) first %= 14;
        IAttestationRegistry.Attested[] memory some = registry.page(log, SUBJECT, first, most);
        uint256 wanted = first < number ? number - first : 0;
        if (most < wanted) wanted = most;
        same(some.length, wanted, "length");
        for (uint256 i = 0; i < wanted; ++i) {
            same(some[i].rulesVersion, first + i, "place");
        }
    }

    function test_each_log_and_subject_has_its_own() public {
        attest(sample());
        IAttestationRegistry.Attestation memory one = sample();
        one.subject = "pool:W2";
        same(attest(one), 0, "first of another subject");
        same(registry.count(log, SUBJECT), 1, "count");
        bytes32 other = anchors.open("another.example/log", address(this), 100, keccak256("trust"), 0);
        anchors.anchor(other, 0, 10, ROOT, new bytes32[](0));
        one = sample();
        one.log = other;
        same(attest(one), 0, "first of another log");
        same(registry.count(log, SUBJECT), 1, "count after");
        same(registry.page(log, "pool:W3", 0, 9).length, 0, "no such subject");
    }

    function testFuzz_what_is_signed_is_what_stands(
        uint248 key,
        uint64 rulesVersion,
        bytes32 evidence,
        uint8 verdict,
        uint64 deadline,
        bytes32 seed
    ) public {
        vm.assume(key != 0 && evidence != 0);
        signer = vm.addr(key);
        IAttestationRegistry.Attestation memory one = sample();
        one.rulesVersion = rulesVersion;
        one.evidence = evidence;
        one.verdict = IAttestationRegistry.Verdict(1 + verdict % 3);
        one.deadline = deadline < block.timestamp ? uint64(block.timestamp) : deadline;
        one.subject = text(seed, 1 + uint256(seed) % registry.MAX_SUBJECT(), 0x21);
        one.scope = text(~seed, uint256(seed >> 8) % (registry.MAX_SCOPE() + 1), 0x20);
        same(registry.digestOf(one), TypedData.digest(one, address(registry)), "digest");
        registry.attest(one, signed(key, one));
        isHeld(registry.page(log, one.subject, 0, 1)[0], one);
    }

    // ------------------------------------------------------------------------------------------- reverts

    function test_no_registry() public {
        bytes memory reason = abi.encodeWithSelector(IAttestationRegistry.NoRegistry.selector, address(0xDEAD));
        vm.expectRevert(reason);
        new AttestationRegistry(address(0xDEAD));
    }

    function test_invalid_verdict() public {
        IAttestationRegistry.Attestation memory one = sample();
        one.verdict = IAttestationRegistry.Verdict.None;
        refused(one, abi.encodeWithSelector(IAttestationRegistry.InvalidVerdict.selector));
        vm.expectRevert(IAttestationRegistry.InvalidVerdict.selector);
        registry.digestOf(one);
    }

    /// @dev A number that is no verdict at all does not get past the decoder.
    function test_a_verdict_out_of_range() public {
        IAttestationRegistry.Attestation memory one = sample();
        bytes memory data = abi.encodeCall(registry.attest, (one, signed(KEY, one)));
        // selector, two offsets, then the members: the verdict is the eighth
        uint256 at = 4 + 64 + 7 * 32 + 31;
        same(uint8(data[at]), 2, "not the verdict's place");
        data[at] = 0x04;
        (bool ok,) = address(registry).call(data);
        check(!ok, "accepted");
    }

    function test_invalid_subject() public {
        string[6] memory wrong = ["", "pool: W1", "pool:W1\x00", "pool:\x7f", unicode"pool:批次", ""];
        wrong[5] = text(keccak256("long"), registry.MAX_SUBJECT() + 1, 0x21);
        for (uint256 i = 0; i < wrong.length; ++i) {
            IAttestationRegistry.Attestation memory one = sample();
            one.subject = wrong[i];
            refused(one, abi.encodeWithSelector(IAttestationRegistry.InvalidSubject.selector));
        }
    }

    function test_invalid_scope() public {
        string[5] memory wrong = ["line\nbreak", "\x1b[2J", "\x7f", unicode"\u202e", ""];
        wrong[4] = text(keccak256("long"), registry.MAX_SCOPE() + 1, 0x20);
        for (uint256 i = 0; i < wrong.length; ++i) {
            IAttestationRegistry.Attestation memory one = sample();
            one.scope = wrong[i];
            refused(one, abi.encodeWithSelector(IAttestationRegistry.InvalidScope.selector));
        }
    }

    function test_zero_evidence() public {
        IAttestationRegistry.Attestation memory one = sample();
        one.evidence = 0;
        refused(one, abi.encodeWithSelector(IAttestationRegistry.ZeroEvidence.selector));
    }

    function test_expired() public {
        IAttestationRegistry.Attestation memory one = sample();
        vm.warp(one.deadline + 1);
        refused(
            one, abi.encodeWithSelector(IAttestationRegistry.Expired.selector, one.deadline, one.deadline + 1)
        );
        vm.warp(one.deadline); // the last second counts
        attest(one);
    }

    function test_wrong_nonce() public {
        IAttestationRegistry.Attestation memory one = sample();
        one.nonce = 1;
        refused(one, wrongNonce(0, 1));
        one.nonce = type(uint64).max;
        refused(one, wrongNonce(0, type(uint64).max));
    }

    function test_a_replay() public {
        IAttestationRegistry.Attestation memory one = sample();
        bytes memory signature = signed(KEY, one);
        registry.attest(one, signature);
        refused(one, signature, wrongNonce(1, 0));
        one.nonce = 1; // the old signature is not for the new nonce
        refused(one, signature, badSignature());
    }

    function test_another_with_the_same_nonce_overtakes() public {
        IAttestationRegistry.Attestation memory mistaken = sample();
        bytes memory signature = signed(KEY, mistaken);
        IAttestationRegistry.Attestation memory meant = sample();
        meant.verdict = IAttestationRegistry.Verdict.Disputed;
        attest(meant);
        refused(mistaken, signature, wrongNonce(1, 0));
    }

    function test_size_not_anchored() public {
        IAttestationRegistry.Attestation memory one = sample();
        one.size = 11;
        refused(one, notAnchored(log, 11));
        one.root = 0; // what the registry says of a size that is not there
        refused(one, notAnchored(log, 11));
        one = sample();
        one.log = keccak256("no such log");
        refused(one, notAnchored(one.log, 10));
    }

    function test_wrong_root() public {
        IAttestationRegistry.Attestation memory one = sample();
        one.root = keccak256("another");
        refused(
            one,
            abi.encodeWithSelector(IAttestationRegistry.WrongRoot.selector, log, uint64(10), ROOT, one.root)
        );
    }

    // ---------------------------------------------------------------------------------------- signatures

    function test_a_foreign_signature() public {
        IAttestationRegistry.Attestation memory one = sample();
        refused(one, signed(KEY + 1, one), badSignature());
    }

    /// @dev A signature covers every member: what was signed for one value does not hold for another.
    function test_every_member_is_signed() public {
        bytes memory signature = signed(KEY, sample());
        IAttestationRegistry.Attestation[6] memory others;
        for (uint256 i = 0; i < others.length; ++i) {
            others[i] = sample();
        }
        others[0].subject = "pool:W2";
        others[1].scope = "nothing";
        others[2].rulesVersion = 4;
        others[3].evidence = keccak256("another");
        others[4].verdict = IAttestationRegistry.Verdict.Acknowledged;
        others[5].deadline += 1;
        for (uint256 i = 0; i < others.length; ++i) {
            refused(others[i], signature, badSignature());
        }
        // The others have checks of their own before the signature; the digest shows that they are in it.
        bytes32 digest = registry.digestOf(sample());
        for (uint256 i = 0; i < 5; ++i) {
            IAttestationRegistry.Attestation memory one = sample();
            if (i == 0) one.log = keccak256("another");
            else if (i == 1) one.size = 11;
            else if (i == 2) one.root = keccak256("another");
            else if (i == 3) one.signer = address(1);
            else one.nonce = 1;
            check(registry.digestOf(one) != digest, "a member is not signed");
        }
    }

    /// @dev Of a signature (r, s, v) anybody can make another valid one (r, order - s, the other v).
    function test_a_malleable_signature() public {
        IAttestationRegistry.Attestation memory one = sample();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, registry.digestOf(one));
        bytes32 mirrored = bytes32(ORDER - uint256(s));
        check(ecrecover(registry.digestOf(one), v ^ 7, r, mirrored) == signer, "the mirror image signs as well");
        refused(one, abi.encodePacked(r, mirrored, v ^ 7), badSignature());
        registry.attest(one, abi.encodePacked(r, s, v));
    }

    function test_signatures_of_other_forms() public {
        IAttestationRegistry.Attestation memory one = sample();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, registry.digestOf(one));
        refused(one, "", badSignature());
        refused(one, abi.encodePacked(r, s), badSignature());
        refused(one, abi.encodePacked(r, s, v, uint8(0)), badSignature());
        refused(one, abi.encodePacked(r, s, v - 27), badSignature());
        refused(one, abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255)), badSignature()); // EIP-2098
        refused(one, abi.encodePacked(bytes32(0), s, v), badSignature());
    }

    function testFuzz_any_signature(bytes memory signature) public {
        refused(sample(), signature, badSignature());
    }

    /// @dev ecrecover answers zero for a bad signature, which must not be a signer.
    function test_nobody_signs_as_the_zero_address() public {
        signer = address(0);
        IAttestationRegistry.Attestation memory one = sample();
        refused(one, new bytes(65), badSignature());
        refused(one, "", badSignature());
    }

    function test_a_signature_for_another_chain() public {
        IAttestationRegistry.Attestation memory one = sample();
        bytes memory signature = signed(KEY, one);
        uint256 here = block.chainid;
        vm.chainId(here + 1);
        refused(one, signature, badSignature());
        vm.chainId(here);
        registry.attest(one, signature);
    }

    function test_a_signature_for_another_contract() public {
        IAttestationRegistry.Attestation memory one = sample();
        bytes memory signature = signed(KEY, one);
        registry = new AttestationRegistry(address(anchors));
        refused(one, signature, badSignature());
    }

    // ------------------------------------------------------------------------------------------- ERC-1271

    function test_a_contract_attests() public {
        Wallet wallet = new Wallet(vm.addr(KEY));
        signer = address(wallet);
        IAttestationRegistry.Attestation memory one = sample();
        attest(one);
        isHeld(registry.page(log, SUBJECT, 0, 1)[0], one);
        same(registry.nonceOf(vm.addr(KEY)), 0, "the owner's own nonce");
        refused(sample(), signed(KEY + 1, sample()), badSignature());
    }

    function test_contracts_that_do_not_answer() public {
        Wallet wallet = new Wallet(vm.addr(KEY));
        signer = address(wallet);
        for (uint256 manner = 1; manner <= uint256(type(Wallet.Manner).max); ++manner) {
            wallet.behave(Wallet.Manner(manner));
            refused(sample(), badSignature());
        }
        signer = address(anchors); // knows nothing of signatures
        refused(sample(), badSignature());
    }

    /// @dev Two accounts with the same owner: what was signed for one is not the other's word.
    function test_a_signature_for_another_account_of_the_same_owner() public {
        Wallet first = new Wallet(vm.addr(KEY));
        Wallet second = new Wallet(vm.addr(KEY));
        signer = address(first);
        bytes memory signature = signed(KEY, sample());
        signer = address(second);
        refused(sample(), signature, badSignature());
    }

    /// @dev An account that lent itself code (EIP-7702) still signs by its key.
    function test_an_account_with_code_signs_by_its_key() public {
        vm.etch(signer, address(anchors).code);
        attest(sample());
    }

    // -------------------------------------------------------------------------------------------- helpers

    function test_the_domain() public view {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chain,
            address at,
            bytes32 salt,
            uint256[] memory more
        ) = registry.eip712Domain();
        same(bytes32(fields), bytes32(hex"0f"), "fields");
        same(keccak256(bytes(name)), keccak256("Poolproof Attestation"), "name");
        same(keccak256(bytes(version)), keccak256("1"), "version");
        same(chain, block.chainid, "chain");
        same(at, address(registry), "contract");
        same(salt, 0, "salt");
        same(more.length, 0, "extensions");
        same(registry.anchorRegistry(), address(anchors), "anchor registry");
    }

    function isHeld(IAttestationRegistry.Attested memory held, IAttestationRegistry.Attestation memory one)
        internal
        view
    {
        same(held.signer, one.signer, "signer");
        same(held.size, one.size, "size");
        same(uint256(held.verdict), uint256(one.verdict), "verdict");
        same(held.rulesVersion, one.rulesVersion, "rules version");
        same(held.time, block.timestamp, "time");
        same(held.root, one.root, "root");
        same(held.evidence, one.evidence, "evidence");
        same(keccak256(bytes(held.scope)), keccak256(bytes(one.scope)), "scope");
    }

    function wrongNonce(uint64 wanted, uint64 given) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IAttestationRegistry.WrongNonce.selector, signer, wanted, given);
    }

    function notAnchored(bytes32 some, uint64 size) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IAttestationRegistry.SizeNotAnchored.selector, some, size);
    }

    /// @dev Characters from `least` to the tilde.
    function text(bytes32 seed, uint256 length, uint8 least) internal pure returns (string memory) {
        bytes memory made = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            made[i] = bytes1(least + uint8(uint256(keccak256(abi.encode(seed, i))) % (0x7f - least)));
        }
        return string(made);
    }
}
