// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "./interfaces/IAnchorRegistry.sol";
import {IAttestationRegistry, IERC1271} from "./interfaces/IAttestationRegistry.sol";

/// @title AttestationRegistry
/// @notice See IAttestationRegistry. Not upgradeable, without an administrator, holds no funds. It calls the
/// AnchorRegistry that it was made for and signers that are contracts, both by static calls: nobody is let in again.
contract AttestationRegistry is IAttestationRegistry {
    /// @inheritdoc IAttestationRegistry
    uint256 public constant MAX_SUBJECT = 72;

    /// @inheritdoc IAttestationRegistry
    /// @dev A line to read in a list; what needs more words stands in the evidence.
    uint256 public constant MAX_SCOPE = 128;

    string private constant NAME = "Poolproof Attestation";
    string private constant VERSION = "1";

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant ATTESTATION_TYPE = keccak256(
        "Attestation(bytes32 log,uint64 size,bytes32 root,string subject,string scope,uint64 rulesVersion,bytes32 evidence,string verdict,address signer,uint64 nonce,uint64 deadline)"
    );

    bytes32 private constant ACKNOWLEDGED = keccak256("acknowledged");
    bytes32 private constant CHECKED = keccak256("checked");
    bytes32 private constant DISPUTED = keccak256("disputed");

    /// @dev Half the order of secp256k1: of s and its mirror image, which signs the same, only the lower one counts.
    uint256 private constant MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @dev The root is not held: the AnchorRegistry keeps it for ever.
    struct Held {
        address signer;
        uint64 size;
        Verdict verdict;
        uint64 rulesVersion;
        uint64 time;
        bytes32 evidence;
        string scope;
    }

    IAnchorRegistry private immutable REGISTRY;

    mapping(address signer => uint64 nonce) private _nonces;
    mapping(bytes32 log => mapping(bytes32 subjectHash => Held[])) private _held;

    /// @param registry the AnchorRegistry whose roots count
    constructor(address registry) {
        if (registry.code.length == 0) revert NoRegistry(registry);
        REGISTRY = IAnchorRegistry(registry);
    }

    // ----------------------------------------------------------------------------------------- writing

    /// @inheritdoc IAttestationRegistry
    function attest(Attestation calldata attestation, bytes calldata signature)
        external
        returns (uint256 index)
    {
        _checkForm(attestation);
        if (block.timestamp > attestation.deadline) {
            revert Expired(attestation.deadline, uint64(block.timestamp));
        }
        address signer = attestation.signer;
        uint64 nonce = _nonces[signer];
        if (attestation.nonce != nonce) revert WrongNonce(signer, nonce, attestation.nonce);
        _checkRoot(attestation.log, attestation.size, attestation.root);
        if (!_signed(signer, digestOf(attestation), signature)) revert InvalidSignature(signer);

        _nonces[signer] = nonce + 1;
        bytes32 subjectHash = keccak256(bytes(attestation.subject));
        Held[] storage all = _held[attestation.log][subjectHash];
        index = all.length;
        _append(all, attestation);
        emit AttestationMade(attestation.log, subjectHash, signer, index, attestation, signature);
    }

    // ----------------------------------------------------------------------------------------- reading

    /// @inheritdoc IAttestationRegistry
    function anchorRegistry() external view returns (address registry) {
        return address(REGISTRY);
    }

    /// @inheritdoc IAttestationRegistry
    function nonceOf(address signer) external view returns (uint64 nonce) {
        return _nonces[signer];
    }

    /// @inheritdoc IAttestationRegistry
    function count(bytes32 log, string calldata subject) external view returns (uint256 number) {
        return _held[log][keccak256(bytes(subject))].length;
    }

    /// @inheritdoc IAttestationRegistry
    function page(bytes32 log, string calldata subject, uint256 first, uint256 most)
        external
        view
        returns (Attested[] memory attested)
    {
        Held[] storage all = _held[log][keccak256(bytes(subject))];
        if (first >= all.length) return attested;
        uint256 left = all.length - first;
        attested = new Attested[](most < left ? most : left);
        for (uint256 i = 0; i < attested.length; ++i) {
            Held storage held = all[first + i];
            attested[i] = Attested({
                signer: held.signer,
                size: held.size,
                verdict: held.verdict,
                rulesVersion: held.rulesVersion,
                time: held.time,
                root: REGISTRY.rootAt(log, held.size),
                evidence: held.evidence,
                scope: held.scope
            });
        }
    }

    /// @inheritdoc IAttestationRegistry
    /// @dev The domain is made anew each time: on a fork with another chain id no signature is taken twice.
    function digestOf(Attestation calldata attestation) public view returns (bytes32 digest) {
        bytes32 domain = keccak256(
            abi.encode(
                DOMAIN_TYPE, keccak256(bytes(NAME)), keccak256(bytes(VERSION)), block.chainid, address(this)
            )
        );
        // In two halves, which are words only, because the stack does not hold twelve values at once.
        bytes32 struct_ = keccak256(
            bytes.concat(
                abi.encode(
                    ATTESTATION_TYPE,
                    attestation.log,
                    attestation.size,
                    attestation.root,
                    keccak256(bytes(attestation.subject)),
                    keccak256(bytes(attestation.scope))
                ),
                abi.encode(
                    attestation.rulesVersion,
                    attestation.evidence,
                    _word(attestation.verdict),
                    attestation.signer,
                    attestation.nonce,
                    attestation.deadline
                )
            )
        );
        return keccak256(bytes.concat(hex"1901", domain, struct_));
    }

    /// @inheritdoc IAttestationRegistry
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        // 0x0f: name, version, chainId and verifyingContract are used, a salt is not.
        return (hex"0f", NAME, VERSION, block.chainid, address(this), 0, extensions);
    }

    // ---------------------------------------------------------------------------------------- internal

    function _append(Held[] storage all, Attestation calldata attestation) private {
        Held storage held = all.push();
        held.signer = attestation.signer;
        held.size = attestation.size;
        held.verdict = attestation.verdict;
        held.rulesVersion = attestation.rulesVersion;
        held.time = uint64(block.timestamp);
        held.evidence = attestation.evidence;
        held.scope = attestation.scope;
    }

    /// @dev Text is what strangers show on their screens: nothing that moves a cursor or turns a line around.
    function _checkForm(Attestation calldata attestation) private pure {
        if (attestation.verdict == Verdict.None) revert InvalidVerdict();
        if (attestation.evidence == 0) revert ZeroEvidence();
        bytes calldata subject = bytes(attestation.subject);
        if (subject.length == 0 || subject.length > MAX_SUBJECT || !_printable(subject, 0x21)) {
            revert InvalidSubject();
        }
        bytes calldata scope = bytes(attestation.scope);
        if (scope.length > MAX_SCOPE || !_printable(scope, 0x20)) revert InvalidScope();
    }

    /// @dev ASCII from `least` up to the tilde.
    function _printable(bytes calldata text, uint8 least) private pure returns (bool) {
        for (uint256 i = 0; i < text.length; ++i) {
            uint8 char = uint8(text[i]);
            if (char < least || char > 0x7e) return false;
        }
        return true;
    }

    /// @dev Where nothing is anchored the registry says zero, which is no root to agree with.
    function _checkRoot(bytes32 log, uint64 size, bytes32 root) private view {
        bytes32 anchored = REGISTRY.rootAt(log, size);
        if (anchored == 0) revert SizeNotAnchored(log, size);
        if (root != anchored) revert WrongRoot(log, size, anchored, root);
    }

    function _word(Verdict verdict) private pure returns (bytes32) {
        if (verdict == Verdict.Acknowledged) return ACKNOWLEDGED;
        if (verdict == Verdict.Checked) return CHECKED;
        if (verdict == Verdict.Disputed) return DISPUTED;
        revert InvalidVerdict();
    }

    /// @dev The key first, then the code: an account that lends itself code (EIP-7702) keeps its key, and nobody
    /// has the key of a contract's address.
    function _signed(address signer, bytes32 digest, bytes calldata signature) private view returns (bool) {
        if (signer != address(0) && _recovered(digest, signature) == signer) return true;
        if (signer.code.length == 0) return false;
        (bool ok, bytes memory answer) =
            signer.staticcall(abi.encodeCall(IERC1271.isValidSignature, (digest, signature)));
        return ok && answer.length >= 32 && bytes32(answer) == bytes32(IERC1271.isValidSignature.selector);
    }

    /// @dev Zero unless the signature is of the one accepted form.
    function _recovered(bytes32 digest, bytes calldata signature) private pure returns (address) {
        if (signature.length != 65) return address(0);
        bytes32 s = bytes32(signature[32:64]);
        if (uint256(s) > MAX_S) return address(0);
        // ecrecover itself gives zero for any v but 27 and 28.
        return ecrecover(digest, uint8(signature[64]), bytes32(signature[0:32]), s);
    }
}
